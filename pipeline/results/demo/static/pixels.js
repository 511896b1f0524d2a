// Pixels of a picture -> stored pixels -> input of the file, as the data stage and
// `predict` compute them: bilinear with the antialiasing of Pillow, weights in 22 bits.
const BITS = 22;

function triangle(x) {
  const distance = Math.abs(x);
  return distance < 1 ? 1 - distance : 0;
}

// First source pixel and weights of each pixel of a row of the result.
function taps(size, result) {
  const scale = size / result;
  const support = Math.max(scale, 1), narrow = 1 / support;
  return Array.from({ length: result }, (_, position) => {
    const center = (position + 0.5) * scale;
    const begin = Math.max(Math.trunc(center - support + 0.5), 0);
    const end = Math.min(Math.trunc(center + support + 0.5), size);
    const shares = [];
    for (let k = begin; k < end; ++k) shares.push(triangle((k - center + 0.5) * narrow));
    const total = shares.reduce((sum, share) => sum + share, 0);
    return { begin, weights: shares.map((s) => Math.trunc(0.5 + (s / total) * 2 ** BITS)) };
  });
}

function weighted(weights, value) {
  let sum = 2 ** (BITS - 1);
  weights.forEach((weight, k) => { sum += value(k) * weight; });
  return Math.min(Math.max(Math.floor(sum / 2 ** BITS), 0), 255);
}

// picture: {height, width, channels, values}; Pillow resizes rows first.
function scaled(picture, height, width) {
  const { channels, values } = picture;
  if (picture.height === height && picture.width === width) return picture;
  const rows = new Uint8Array(picture.height * width * channels);
  taps(picture.width, width).forEach(({ begin, weights }, x) => {
    for (let y = 0; y < picture.height; ++y) for (let c = 0; c < channels; ++c) {
      const first = (y * picture.width + begin) * channels + c;
      rows[(y * width + x) * channels + c] = weighted(weights, (k) => values[first + k * channels]);
    }
  });
  const done = new Uint8Array(height * width * channels);
  const step = width * channels;
  taps(picture.height, height).forEach(({ begin, weights }, y) => {
    for (let x = 0; x < step; ++x) {
      done[y * step + x] = weighted(weights, (k) => rows[(begin + k) * step + x]);
    }
  });
  return { height, width, channels, values: done };
}

function cut(picture, top, left, height, width) {
  const { channels } = picture;
  const values = new Uint8Array(height * width * channels);
  for (let y = 0; y < height; ++y) {
    const first = ((top + y) * picture.width + left) * channels;
    values.set(picture.values.subarray(first, first + width * channels), y * width * channels);
  }
  return { height, width, channels, values };
}

// Python's round: halves to the even number.
function rounded(x) {
  const whole = Math.round(x);
  return Math.abs(x % 1) === 0.5 && whole % 2 ? whole - 1 : whole;
}

const between = (x, limit) => Math.min(Math.max(1, rounded(x)), limit);

function fitted(picture, image) {
  const [height, width, channels] = image.shape;
  if (image.fit === "crop") {
    const scale = Math.min(picture.height / height, picture.width / width);
    const rows = between(height * scale, picture.height);
    const columns = between(width * scale, picture.width);
    const top = Math.floor((picture.height - rows) / 2);
    const left = Math.floor((picture.width - columns) / 2);
    return scaled(cut(picture, top, left, rows, columns), height, width);
  }
  if (image.fit !== "pad") return scaled(picture, height, width);
  const scale = Math.min(height / picture.height, width / picture.width);
  const rows = between(picture.height * scale, height);
  const columns = between(picture.width * scale, width);
  const small = scaled(picture, rows, columns);
  const top = Math.floor((height - rows) / 2), left = Math.floor((width - columns) / 2);
  const values = new Uint8Array(height * width * channels);
  values.forEach((_, k) => { values[k] = image.border[k % channels]; });
  for (let y = 0; y < rows; ++y) {
    const row = small.values.subarray(y * columns * channels, (y + 1) * columns * channels);
    values.set(row, ((top + y) * width + left) * channels);
  }
  return { height, width, channels, values };
}

// RGBA of a canvas, without transparency -> gray as Pillow's "L", or RGB.
function pictureOf(rgba, channels) {
  const count = rgba.width * rgba.height;
  const values = new Uint8Array(count * channels);
  for (let k = 0; k < count; ++k) {
    const [red, green, blue] = rgba.data.subarray(4 * k, 4 * k + 3);
    if (channels === 1) values[k] = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16;
    else values.set([red, green, blue], 3 * k);
  }
  return { height: rgba.height, width: rgba.width, channels, values };
}

// Stored pixels of a picture; data that were arrays have their own white.
function storedOf(rgba, image) {
  const fit = fitted(pictureOf(rgba, image.shape[2]), image);
  return Float32Array.from(fit.values, (v) => (image.white === 255 ? v : Math.round((v * image.white) / 255)));
}

// Real numbers of stored pixels, in float32.
const realOf = (stored, image) =>
  stored.map((v) => Math.fround(Math.fround(v * image.scale) + image.offset));
