const content = JSON.parse(textOf("content"));
const [HEIGHT, WIDTH, CHANNELS] = content.image.shape;
const SHOWN = 10; // classes
const byId = (id) => document.getElementById(id);

function paint(canvas, stored) {
  Object.assign(canvas, { width: WIDTH, height: HEIGHT });
  const picture = new ImageData(WIDTH, HEIGHT);
  for (let k = 0; k < WIDTH * HEIGHT; ++k) for (let c = 0; c < 4; ++c) {
    const value = (255 * stored[k * CHANNELS + (CHANNELS === 1 ? 0 : c)]) / content.image.white;
    picture.data[4 * k + c] = c === 3 ? 255 : value;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

function showBars(shares) {
  const order = shares.map((_, k) => k).sort((a, b) => shares[b] - shares[a]).slice(0, SHOWN);
  byId("bars").replaceChildren(...order.map((k) => {
    const row = document.createElement("tr");
    const name = Object.assign(document.createElement("th"), { textContent: content.classes[k], scope: "row" });
    const meter = Object.assign(document.createElement("meter"), { value: shares[k] });
    meter.setAttribute("aria-label", content.classes[k]);
    const cell = document.createElement("td");
    cell.append(meter);
    row.append(name, cell, Object.assign(document.createElement("td"), { textContent: shares[k].toFixed(3) }));
    return row;
  }));
}

async function predict(run, stored, note) {
  paint(byId("seen"), stored);
  const input = quantized(realOf(stored, content.image), content.input);
  const begun = performance.now();
  const outputs = await run(input);
  const milliseconds = performance.now() - begun;
  const shares = probabilities(outputs, content.output);
  const best = shares.indexOf(Math.max(...shares));
  byId("answer").textContent = `${content.classes[best]}  (${shares[best].toFixed(3)})`;
  byId("note").textContent = `${note}; ${milliseconds.toFixed(2)} ms`;
  showBars(shares);
  document.body.dataset.predictions = Number(document.body.dataset.predictions || 0) + 1;
}

async function pixelsOf(file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const canvas = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = `rgb(${content.image.background.join(" ")})`;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

async function showExamples(run) {
  const pixels = new Float32Array((await unpacked(content.examples.pixels)).buffer);
  const size = HEIGHT * WIDTH * CHANNELS;
  content.examples.labels.forEach((label, n) => {
    const stored = pixels.slice(n * size, (n + 1) * size);
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const picture = document.createElement("canvas");
    paint(picture, stored);
    button.append(picture, label);
    button.addEventListener("click", () => predict(run, stored, `labelled ${label}`));
    const item = document.createElement("li");
    item.append(button);
    byId("examples").append(item);
  });
  byId("examples").querySelector("button")?.click();
}

function checkText({ count, equal, largest }) {
  if (equal === count) return `${count} of ${count} golden outputs are equal here.`;
  const unit = content.output.dtype === "float32" ? "" : " units of the last place";
  return `${equal} of ${count} golden outputs are equal here; the largest difference is ${largest}${unit}.`;
}

async function start() {
  const run = await loadModel(content);
  byId("check").textContent = checkText(await checkGolden(content, run));
  await showExamples(run);
  const predictPixels = (rgba, note) => predict(run, storedOf(rgba, content.image), note);
  if (content.drawing) {
    const drawn = painter(byId("draw"), content.drawing, (pixels) =>
      predictPixels(pixels(content.image.shape), "drawing, placed as in training"));
    byId("clear").addEventListener("click", drawn.clear);
  }
  byId("file").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    try {
      await predictPixels(await pixelsOf(file), file.name);
    } catch (error) {
      byId("note").textContent = `${file.name}: not a picture that this browser reads`;
    }
  });
  document.body.dataset.ready = "yes";
}

start().catch((error) => {
  byId("check").textContent = `The file does not run here: ${error.message || error}`;
  byId("check").className = "wrong";
});
