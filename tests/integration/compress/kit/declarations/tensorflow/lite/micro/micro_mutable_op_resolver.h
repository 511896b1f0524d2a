// Declarations of the part of TensorFlow Lite Micro that a kit uses, for a compiler
// without the runtime. Signatures are those of tflite-micro in August 2026.
#ifndef DECLARED_OP_RESOLVER_H_
#define DECLARED_OP_RESOLVER_H_

enum TfLiteStatus { kTfLiteOk, kTfLiteError };
struct TFLMRegistration;

namespace tflite {

class MicroOpResolver {};

template <unsigned int count>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  TfLiteStatus AddFullyConnected(const TFLMRegistration* registration = nullptr);
  TfLiteStatus AddReshape(const TFLMRegistration* registration = nullptr);
};

}  // namespace tflite

#endif  // DECLARED_OP_RESOLVER_H_
