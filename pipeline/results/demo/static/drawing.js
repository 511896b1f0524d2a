// Strokes on the canvas, and the same strokes as large and as wide as in the training
// images. `drawing` says how bright the ground is, see drawing.py.
const SIDE = 16; // canvas pixels per pixel of the model's image

function painter(canvas, drawing, changed) {
  const context = canvas.getContext("2d");
  const [ground, ink] = drawing.dark ? ["#000", "#fff"] : ["#fff", "#000"];
  let strokes = [];

  function stroke(target, points, width) {
    Object.assign(target, { strokeStyle: ink, lineWidth: width, lineCap: "round", lineJoin: "round" });
    target.beginPath();
    target.moveTo(...points[0]);
    points.concat([points[0]].slice(points.length > 1)).forEach((point) => target.lineTo(...point));
    target.stroke();
  }

  function fill(target, width, height) {
    target.fillStyle = ground;
    target.fillRect(0, 0, width, height);
  }

  function show() {
    fill(context, canvas.width, canvas.height);
    strokes.forEach((points) => stroke(context, points, drawing.stroke * drawing.fill * canvas.width));
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    const factor = canvas.width / box.width;
    return [(event.clientX - box.left) * factor, (event.clientY - box.top) * factor];
  }

  // RGBA of the strokes, in the middle of a frame of `shape`.
  function pixels([height, width]) {
    const frame = Object.assign(document.createElement("canvas"), { width: width * SIDE, height: height * SIDE });
    const target = frame.getContext("2d", { willReadFrequently: true });
    fill(target, frame.width, frame.height);
    const all = strokes.flat(), xs = all.map((p) => p[0]), ys = all.map((p) => p[1]);
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
    const room = drawing.fill * Math.min(frame.width, frame.height);
    const line = drawing.stroke * room;
    const factor = (room - line) / Math.max(right - left, bottom - top, 1);
    strokes.forEach((points) => stroke(target, points.map(([x, y]) => [
      frame.width / 2 + (x - (left + right) / 2) * factor,
      frame.height / 2 + (y - (top + bottom) / 2) * factor,
    ]), line));
    return target.getImageData(0, 0, frame.width, frame.height);
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    strokes.push([place(event)]);
    show();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!event.buttons || !strokes.length) return;
    strokes.at(-1).push(place(event));
    show();
  });
  canvas.addEventListener("pointerup", () => strokes.length && changed(pixels));
  show();
  return { clear() { strokes = []; show(); } };
}
