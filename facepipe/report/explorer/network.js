// A network, run for one picture at a time: maps are (height, width, channels), float32.
"use strict";

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
          conv: () => [size(stored.shape(step.w).slice(0, 3)), step.shape[2]],
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
