// The networks, run in a worker: matrix products in WebAssembly (SIMD), the rest in plain JavaScript.
// One picture at a time; maps are (height, width, channels), float32.
"use strict";

// ---- the product C = A B as a WebAssembly module, assembled here

const WIDE = 8; // columns in a panel of B

function assemble() {
  const unsigned = (value) => {
    const bytes = [];
    do {
      const low = value & 127;
      value >>>= 7;
      bytes.push(value ? low | 128 : low);
    } while (value);
    return bytes;
  };
  const signed = (value) => {
    const bytes = [];
    for (;;) {
      const low = value & 127;
      value >>= 7;
      if ((value === 0 && !(low & 64)) || (value === -1 && low & 64)) return [...bytes, low];
      bytes.push(low | 128);
    }
  };
  const simd = (code) => [0xfd, ...unsigned(code)];
  const get = (local) => [0x20, ...unsigned(local)];
  const set = (local) => [0x21, ...unsigned(local)];
  const number = (value) => [0x41, ...signed(value)];
  const add = (local, code) => [...get(local), ...code, 0x6a, ...set(local)];
  const at = (offset) => [2, ...unsigned(offset)]; // alignment 4, so that any row may begin anywhere
  const load = (local, offset) => [...get(local), ...simd(0x00), ...at(offset)];
  const splat = (local) => [...get(local), ...simd(0x09), ...at(0)];
  const times = simd(0xe6);
  const plus = simd(0xe4);
  // until the counter, less a step each time, is 0
  const repeat = (counter, step, body) => [
    0x03, 0x40, ...body, ...get(counter), ...number(step), 0x6b, 0x22, ...unsigned(counter), 0x0d, 0, 0x0b,
  ];

  // product(a, b, c, k, panels, next): `rows` rows of A (of k numbers, one after another) times B, in `panels` panels
  // of WIDE columns (k rows of WIDE numbers each), into rows of C that are `next` bytes apart
  const product = (rows) => {
    const [a, b, c, k, panels, next] = [0, 1, 2, 3, 4, 5];
    const count = 6;
    const row = 7; // where each row of A is read, then of C written
    const left = row + rows;
    const right = left + 1;
    const sums = right + 1;
    const locals = [
      [1 + rows, 0x7f],
      [2 + 2 * rows, 0x7b],
    ];
    const inner = [...load(b, 0), ...set(left), ...load(b, 16), ...set(right)];
    for (let i = 0; i < rows; i++) {
      const [low, high] = [sums + 2 * i, sums + 2 * i + 1];
      inner.push(...get(low), ...splat(row + i), ...get(left), ...times, ...plus, ...set(low));
      inner.push(...get(high), ...splat(row + i), ...get(right), ...times, ...plus, ...set(high));
    }
    inner.push(...add(b, number(4 * WIDE)));
    for (let i = 0; i < rows; i++) inner.push(...add(row + i, number(4)));
    const panel = [];
    for (let i = 0; i < rows; i++) {
      panel.push(...get(a), ...get(k), ...number(4 * i), 0x6c, 0x6a, ...set(row + i));
      for (const sum of [sums + 2 * i, sums + 2 * i + 1]) panel.push(...simd(0x0c), ...Array(16).fill(0), ...set(sum));
    }
    panel.push(...get(k), ...set(count), ...repeat(count, 1, inner));
    for (let i = 0; i < rows; i++) {
      panel.push(...get(c), ...get(next), ...number(i), 0x6c, 0x6a, ...set(row + i));
      panel.push(...get(row + i), ...get(sums + 2 * i), ...simd(0x0b), ...at(0));
      panel.push(...get(row + i), ...get(sums + 2 * i + 1), ...simd(0x0b), ...at(16));
    }
    panel.push(...add(c, number(4 * WIDE)));
    const code = repeat(panels, 1, panel);
    const body = [locals.length, ...locals.flatMap(([n, type]) => [...unsigned(n), type]), ...code, 0x0b];
    return [...unsigned(body.length), ...body];
  };
  const section = (id, body) => [id, ...unsigned(body.length), ...body];
  const name = (text) => [text.length, ...[...text].map((letter) => letter.charCodeAt(0))];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 6, ...Array(6).fill(0x7f), 0]),
    ...section(2, [1, ...name("m"), ...name("m"), 2, 0, 1]),
    ...section(3, [2, 0, 0]),
    ...section(7, [2, ...name("four"), 0, 0, ...name("one"), 0, 1]),
    ...section(10, [2, ...product(4), ...product(1)]),
  ]);
}

// ---- memory: weights for good, then what a run needs

class Memory {
  constructor() {
    this.memory = new WebAssembly.Memory({ initial: 16 });
    this.end = 64;
    const module = new WebAssembly.Module(assemble());
    this.code = new WebAssembly.Instance(module, { m: { m: this.memory } }).exports;
  }

  // a Float32Array of `length` numbers; views become invalid when memory grows, so they are made when used
  reserve(length) {
    const at = this.end;
    this.end += Math.ceil(length / 4) * 16;
    const missing = this.end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / 65536));
    return { at, length };
  }

  view(place) {
    return new Float32Array(this.memory.buffer, place.at, place.length);
  }

  // A at an address, (rows, inputs), times B in panels, into a place; a view of it
  product(address, rows, inputs, kernel, panels, into) {
    const next = panels * WIDE * 4;
    let row = 0;
    for (; row + 4 <= rows; row += 4)
      this.code.four(address + row * inputs * 4, kernel.at, into.at + row * next, inputs, panels, next);
    for (; row < rows; row++)
      this.code.one(address + row * inputs * 4, kernel.at, into.at + row * next, inputs, panels, next);
    return this.view(into);
  }
}

const size = (shape) => shape.reduce((product, side) => product * side, 1);

// what a page stores, as numbers: see weights.py
class Stored {
  constructor(index, bytes) {
    this.index = index;
    this.bytes = bytes;
  }

  floats(i) {
    const { shape, form, at, scale_at, scale_axis } = this.index[i];
    const length = size(shape);
    if (form === "float32") return this.plain(at, length);
    const numbers = new Float32Array(length);
    if (form === "float16") {
      const { bytes } = this;
      const table = halves();
      for (let j = 0; j < length; j++) numbers[j] = table[bytes[at + j] | (bytes[at + length + j] << 8)];
      return numbers;
    }
    const small = new Int8Array(this.bytes.buffer, this.bytes.byteOffset + at, length);
    const columns = shape[shape.length - 1];
    const count = scale_axis === "last" ? columns : shape[0];
    const scale = this.plain(scale_at, count);
    const each = length / shape[0];
    if (scale_axis === "last") for (let j = 0; j < length; j++) numbers[j] = small[j] * scale[j % columns];
    else for (let j = 0; j < length; j++) numbers[j] = small[j] * scale[(j / each) | 0];
    return numbers;
  }

  plain(at, length) {
    const bytes = new Uint8Array(4 * length);
    for (let plane = 0; plane < 4; plane++)
      for (let j = 0; j < length; j++) bytes[4 * j + plane] = this.bytes[at + plane * length + j];
    return new Float32Array(bytes.buffer);
  }
}

let halfTable = null;
// all 65,536 numbers that float16 can be
function halves() {
  if (halfTable) return halfTable;
  halfTable = new Float32Array(65536);
  for (let i = 0; i < 65536; i++) {
    const [sign, exponent, rest] = [i & 32768 ? -1 : 1, (i >> 10) & 31, i & 1023];
    halfTable[i] = sign * (exponent ? 2 ** (exponent - 15) * (1 + rest / 1024) : 2 ** -14 * (rest / 1024));
  }
  return halfTable;
}

// ---- networks

class Network {
  constructor(steps, stored, memory, shared) {
    this.memory = memory;
    this.shared = shared;
    this.steps = steps.map((step) => ({ ...step, out: null }));
    // a step's result may be written over what it was made from where nobody else wants that
    const readers = steps.map(() => 0);
    for (const step of steps) for (const source of step.from) readers[source]++;
    const scratch = { columns: 0, product: 0 };
    for (const step of this.steps) {
      const [source] = step.from.map((i) => this.steps[i]);
      const inPlace = ["affine", "relu", "reshape"].includes(step.op) && readers[step.from[0]] === 1;
      step.out = inPlace || step.op === "reshape" ? source.out : memory.reserve(size(step.shape));
      if (step.w !== undefined) {
        const rows = size(source.shape);
        const [inputs, outputs] = {
          dense: () => [rows, step.shape[0]],
          conv: () => [size(stored.index[step.w].shape.slice(0, 3)), step.shape[2]],
          deconv: () => [source.shape[2], 16 * step.shape[2]],
        }[step.op]();
        step.inputs = inputs;
        step.panels = Math.ceil(outputs / WIDE);
        step.kernel = shared.kernel(step.w, inputs, outputs);
        const pixels = { dense: 1, conv: step.shape[0] * step.shape[1], deconv: source.shape[0] * source.shape[1] }[step.op];
        step.pixels = pixels;
        if (step.op === "conv") scratch.columns = Math.max(scratch.columns, pixels * inputs);
        scratch.product = Math.max(scratch.product, pixels * step.panels * WIDE);
      }
      for (const name of ["b", "scale", "offset"]) if (step[name] !== undefined) step[name] = stored.floats(step[name]);
    }
    this.columns = shared.scratch("columns", scratch.columns);
    this.product = shared.scratch("product", scratch.product);
    this.inputs = this.steps.filter((step) => step.op === "input");
    this.shape = this.steps[this.steps.length - 1].shape;
  }

  // Float32Array -> Float32Array, a view that the next run writes over
  run(numbers) {
    for (const step of this.steps) {
      const out = this.memory.view(step.out);
      const sources = step.from.map((i) => this.steps[i]);
      if (step.op === "input") out.set(numbers);
      else OPERATIONS[step.op](this, step, out, sources);
    }
    return this.memory.view(this.steps[this.steps.length - 1].out);
  }

  values(step) {
    return this.memory.view(step.out);
  }

  // rows of A (pixels, inputs) at an address times the step's kernel; a view of (pixels, panels * WIDE)
  multiply(step, address) {
    return this.memory.product(address, step.pixels, step.inputs, step.kernel, step.panels, this.product);
  }

  // A (rows, inputs) times a kernel in panels, a copy of (rows, outputs)
  times(place, rows, kernel, inputs, outputs) {
    const panels = Math.ceil(outputs / WIDE);
    const product = this.shared.scratch("back", rows * panels * WIDE);
    const made = this.memory.product(place.at, rows, inputs, kernel, panels, product);
    const out = new Float32Array(rows * outputs);
    for (let i = 0; i < rows; i++) out.set(made.subarray(i * panels * WIDE, i * panels * WIDE + outputs), i * outputs);
    return out;
  }
}

// kernels that several networks have, and the memory that all of them work in
class Shared {
  constructor(stored, memory) {
    this.stored = stored;
    this.memory = memory;
    this.kernels = new Map();
    this.places = {};
  }

  // the array number i, a matrix (inputs, outputs), in panels of WIDE columns
  kernel(i, inputs, outputs) {
    return this.packed(`${i}`, i, inputs, outputs, (row, column) => row * outputs + column);
  }

  // the transpose of the matrix (rows, columns)
  transposed(i, rows, columns) {
    return this.packed(`${i} transposed`, i, columns, rows, (row, column) => column * columns + row);
  }

  packed(key, i, inputs, outputs, from) {
    if (!this.kernels.has(key)) {
      const numbers = this.stored.floats(i);
      const panels = Math.ceil(outputs / WIDE);
      const place = this.memory.reserve(panels * inputs * WIDE);
      const packed = this.memory.view(place);
      for (let panel = 0; panel < panels; panel++) {
        const width = Math.min(WIDE, outputs - panel * WIDE);
        for (let row = 0; row < inputs; row++)
          for (let column = 0; column < width; column++)
            packed[(panel * inputs + row) * WIDE + column] = numbers[from(row, panel * WIDE + column)];
      }
      this.kernels.set(key, place);
    }
    return this.kernels.get(key);
  }

  scratch(name, length) {
    if (!this.places[name] || this.places[name].length < length) this.places[name] = this.memory.reserve(length);
    return this.places[name];
  }
}

// a map's square patches as rows: what a convolution sees at each of `rows` x `across` places; 0 outside the map
function patches(x, shape, rows, across, side, stride, pad, columns) {
  const [height, width, channels] = shape;
  let to = 0;
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < across; j++)
      for (let ky = 0; ky < side; ky++) {
        const y = i * stride + ky - pad[0];
        for (let kx = 0; kx < side; kx++, to += channels) {
          const column = j * stride + kx - pad[1];
          if (y < 0 || y >= height || column < 0 || column >= width) {
            columns.fill(0, to, to + channels);
            continue;
          }
          const from = (y * width + column) * channels;
          for (let c = 0; c < channels; c++) columns[to + c] = x[from + c];
        }
      }
}

const OPERATIONS = {
  dense(net, step, out, [source]) {
    const product = net.multiply(step, source.out.at);
    for (let i = 0; i < out.length; i++) out[i] = product[i] + step.b[i];
  },

  conv(net, step, out, [source]) {
    const [rows, across, filters] = step.shape;
    const side = Math.round(Math.sqrt(step.inputs / source.shape[2]));
    patches(net.values(source), source.shape, rows, across, side, step.stride, step.pad, net.memory.view(net.columns));
    const product = net.multiply(step, net.columns.at);
    const stride = step.panels * WIDE;
    for (let i = 0; i < rows * across; i++)
      for (let f = 0; f < filters; f++) out[i * filters + f] = product[i * stride + f] + (step.b ? step.b[f] : 0);
  },

  // 4x4, stride 2: pixel (i, j) adds to the pixels from (2i - 1, 2j - 1) to (2i + 2, 2j + 2)
  deconv(net, step, out, [source]) {
    const product = net.multiply(step, source.out.at);
    const stride = step.panels * WIDE;
    const [height, width] = source.shape;
    const [rows, across, filters] = step.shape;
    if (step.b) for (let i = 0; i < out.length; i += filters) out.set(step.b, i);
    else out.fill(0);
    for (let i = 0; i < height; i++)
      for (let ky = 0; ky < 4; ky++) {
        const y = 2 * i + ky - 1;
        if (y < 0 || y >= rows) continue;
        for (let j = 0; j < width; j++) {
          const first = j === 0 ? 1 : 0;
          const last = Math.min(4, across - 2 * j + 1);
          let from = (i * width + j) * stride + (ky * 4 + first) * filters;
          let to = (y * across + 2 * j + first - 1) * filters;
          for (let n = (last - first) * filters; n > 0; n--) out[to++] += product[from++];
        }
      }
  },

  affine(net, step, out, [source]) {
    const x = net.values(source);
    const { scale, offset } = step;
    const channels = scale.length;
    for (let i = 0; i < out.length; i += channels)
      for (let c = 0; c < channels; c++) out[i + c] = x[i + c] * scale[c] + offset[c];
  },

  relu(net, step, out, [source]) {
    const x = net.values(source);
    for (let i = 0; i < out.length; i++) out[i] = x[i] > 0 ? x[i] : step.slope * x[i];
  },

  reshape() {},

  permute(net, step, out, [source]) {
    const x = net.values(source);
    const sides = source.shape;
    const strides = sides.map((_, axis) => size(sides.slice(axis + 1)));
    const [a, b, c, d] = step.shape;
    const [sa, sb, sc, sd] = step.dims.map((axis) => strides[axis]);
    let to = 0;
    for (let i = 0; i < a; i++)
      for (let j = 0; j < b; j++)
        for (let k = 0; k < c; k++) {
          const from = i * sa + j * sb + k * sc;
          for (let l = 0; l < d; l++) out[to++] = x[from + l * sd];
        }
  },

  pad(net, step, out, [source]) {
    const [height, width, channels] = source.shape;
    const x = net.values(source);
    out.fill(0);
    for (let i = 0; i < height; i++)
      out.set(
        x.subarray(i * width * channels, (i + 1) * width * channels),
        ((i + step.at[0]) * step.shape[1] + step.at[1]) * channels,
      );
  },

  crop(net, step, out, [source]) {
    const x = net.values(source);
    const [rows, across, channels] = step.shape;
    for (let i = 0; i < rows; i++) {
      const from = ((i + step.at[0]) * source.shape[1] + step.at[1]) * channels;
      out.set(x.subarray(from, from + across * channels), i * across * channels);
    }
  },

  means(net, step, out, [source]) {
    const x = net.values(source);
    const [rows, across, channels] = step.shape;
    const { side } = step;
    out.fill(0);
    for (let y = 0; y < rows * side; y++)
      for (let column = 0; column < across * side; column++)
        for (let c = 0; c < channels; c++)
          out[(((y / side) | 0) * across + ((column / side) | 0)) * channels + c] +=
            x[(y * source.shape[1] + column) * channels + c] / (side * side);
  },

  repeat(net, step, out, [source]) {
    const x = net.values(source);
    const [rows, across, channels] = step.shape;
    for (let y = 0; y < rows; y++)
      for (let column = 0; column < across; column++)
        for (let c = 0; c < channels; c++)
          out[(y * across + column) * channels + c] =
            x[(((y / step.side) | 0) * source.shape[1] + ((column / step.side) | 0)) * channels + c];
  },

  join(net, step, out, sources) {
    let at = 0;
    for (const source of sources) {
      out.set(net.values(source), at);
      at += source.out.length;
    }
  },

  add(net, step, out, [first, second]) {
    const [x, y] = [net.values(first), net.values(second)];
    for (let i = 0; i < out.length; i++) out[i] = x[i] + y[i];
  },
};

// ---- models

const ACTIVATIONS = { linear: (x) => x, relu: (x) => Math.max(x, 0), sigmoid: (x) => 1 / (1 + Math.exp(-x)) };

class Model {
  constructor(spec, stored, memory, shared) {
    this.spec = spec;
    this.decoder = new Network(spec.decoder, stored, memory, shared);
    this.encoder = spec.encoder && new Network(spec.encoder, stored, memory, shared);
    this.head = spec.head && new Network(spec.head, stored, memory, shared);
  }

  // latent and codes of labels (-1 without, 1 with, 0 unknown) -> pixels in [0, 1], Float32Array (h, w, c)
  decode(z, codes = []) {
    const activate = ACTIVATIONS[this.spec.decoder_activation];
    const inputs = new Float32Array(z.length + codes.length);
    z.forEach((value, i) => (inputs[i] = activate(value)));
    inputs.set(codes, z.length);
    const logits = this.decoder.run(inputs);
    const pixels = new Float32Array(logits.length);
    for (let i = 0; i < logits.length; i++) pixels[i] = 1 / (1 + Math.exp(-logits[i]));
    return pixels;
  }

  // pixels in [0, 1] -> latent, Float32Array
  encode(pixels) {
    const inputs = new Float32Array(pixels.length);
    for (let i = 0; i < pixels.length; i++) inputs[i] = pixels[i] * 2 - 1;
    const features = this.encoder.run(inputs).slice();
    return this.head.run(features).map(ACTIVATIONS[this.spec.encoder_activation]);
  }
}

function buildModels(specs, index, bytes) {
  const memory = new Memory();
  const stored = new Stored(index, bytes);
  const shared = new Shared(stored, memory);
  const built = {};
  return (name) => (built[name] ??= new Model(specs[name], stored, memory, shared));
}
