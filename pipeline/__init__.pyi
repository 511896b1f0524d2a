from pipeline.compress.import_model.pytorch.torch_model import TorchModel as TorchModel
from pipeline.core.errors import StageFailed as StageFailed
from pipeline.core.errors import UserError as UserError
from pipeline.experiment.compress_model import CompressionResult as CompressionResult
from pipeline.experiment.compress_model import compress_model as compress_model
from pipeline.experiment.session import Session as Session
from pipeline.experiment.session import load_experiment as load_experiment
from pipeline.inference.predict import predict as predict

__version__: str
