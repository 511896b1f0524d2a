// The file in LiteRT's WebAssembly. Its public interface has no int8 tensors, so this
// uses the bindings below it.
const ARRAYS = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, float32: Float32Array };
const LIMITS = { int8: [-128, 127], uint8: [0, 255], int16: [-32768, 32767] };

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const textOf = (id) => document.getElementById(id).textContent;

async function loadRuntime() {
  const script = document.createElement("script");
  const source = await unpacked(textOf("runtime-script"));
  script.src = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  await new Promise((resolve, reject) => {
    script.onload = resolve;
    script.onerror = () => reject(new Error("the runtime's script does not load"));
    document.body.append(script);
  });
  const quiet = () => {};
  const wasmBinary = await unpacked(textOf("runtime-binary"));
  return self.ModuleFactory({ wasmBinary, print: quiet, printErr: quiet });
}

async function loadModel(content) {
  const wasm = await loadRuntime();
  const environment = wasm.LiteRtEnvironment.create(null);
  const file = await unpacked(content.model);
  const place = wasm._malloc(file.length);
  wasm.HEAPU8.set(file, place);
  const model = wasm.loadModel(environment, place, file.length);
  const options = {
    environment: { liteRtEnvironment: environment },
    accelerator: "wasm",
    cpuOptions: { numThreads: 1 },
  };
  const compiled = await wasm.compileModel(environment, model, options);
  const kind = model.getInputTensorType(0, 0);
  const { WRITE, READ } = wasm.LiteRtTensorBufferLockMode;
  const host = wasm.LiteRtTensorBufferType.HOST_MEMORY;
  const OutputArray = ARRAYS[content.output.dtype];

  // Input and output in the file's own types.
  async function run(values) {
    const input = wasm.LiteRtTensorBuffer.createManaged(environment, host, kind, kind.bytes());
    wasm.HEAPU8.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), input.lock(WRITE));
    input.unlock();
    const outputs = await compiled.run(0, [input]);
    const begin = outputs[0].lock(READ);
    const bytes = wasm.HEAPU8.slice(begin, begin + outputs[0].packedSize());
    outputs[0].unlock();
    [input, ...outputs].forEach((buffer) => buffer.delete());
    return new OutputArray(bytes.buffer);
  }
  return run;
}

// real / scale, halves away from zero, plus the zero point, saturated.
function quantized(real, tensor) {
  if (tensor.dtype === "float32") return Float32Array.from(real);
  const scale = Math.fround(tensor.scale);
  const [low, high] = LIMITS[tensor.dtype];
  return ARRAYS[tensor.dtype].from(real, (value) => {
    const steps = Math.fround(value / scale);
    const half = steps < 0 ? -0.5 : 0.5;
    return Math.min(Math.max(Math.trunc(Math.fround(steps + half)) + tensor.zero_point, low), high);
  });
}

function probabilities(outputs, tensor) {
  const logits = Array.from(outputs, (v) =>
    tensor.dtype === "float32" ? v : (v - tensor.zero_point) * tensor.scale);
  const top = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - top));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

// Compare with the outputs of the machine that made the file.
async function checkGolden(content, run) {
  const { count } = content.golden;
  const inputs = new ARRAYS[content.input.dtype]((await unpacked(content.golden.inputs)).buffer);
  const outputs = new ARRAYS[content.output.dtype]((await unpacked(content.golden.outputs)).buffer);
  const into = inputs.length / count, from = outputs.length / count;
  let largest = 0, equal = 0;
  for (let n = 0; n < count; ++n) {
    const actual = await run(inputs.slice(n * into, (n + 1) * into));
    const expected = outputs.subarray(n * from, (n + 1) * from);
    const difference = Math.max(...Array.from(expected, (v, k) => Math.abs(v - actual[k])));
    largest = Math.max(largest, difference);
    equal += difference === 0;
  }
  return { count, equal, largest };
}
