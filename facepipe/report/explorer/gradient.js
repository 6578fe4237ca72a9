// A latent moved towards a picture by the decoder's gradient, as models/inversion.py does it, for as long as one waits.

const VARIANCE = 0.01;
const RATE = 0.05;
const BETAS = [0.9, 0.999];

// d loss / d input of a network that has just run, from d loss / d output
function backward(net, slope) {
  const slopes = net.steps.map(() => null);
  slopes[slopes.length - 1] = slope;
  const give = (i, values) => {
    if (!slopes[i]) slopes[i] = values;
    else for (let j = 0; j < values.length; j++) slopes[i][j] += values[j];
  };
  for (let i = net.steps.length - 1; i > 0; i--) {
    const step = net.steps[i];
    const sources = step.from.map((j) => net.steps[j]);
    step.from.forEach((j, place) => give(j, BACKWARD[step.op](net, step, slopes[i], sources[place])));
  }
  return slopes[0];
}

const BACKWARD = {
  dense(net, step, slope) {
    const kernel = net.memory.view(step.kernel);
    const out = new Float32Array(step.inputs);
    for (let panel = 0; panel < step.panels; panel++) {
      const from = panel * WIDE;
      const width = Math.min(WIDE, slope.length - from);
      for (let row = 0; row < step.inputs; row++) {
        const at = (panel * step.inputs + row) * WIDE;
        let sum = 0;
        for (let column = 0; column < width; column++) sum += kernel[at + column] * slope[from + column];
        out[row] += sum;
      }
    }
    return out;
  },

  deconv(net, step, slope, source) {
    const [height, width, channels] = source.shape;
    const filters = step.shape[2];
    const inputs = 16 * filters;
    const rows = net.memory.view(net.shared.scratch("patches", height * width * inputs));
    patches(slope, step.shape, height, width, 4, 2, [1, 1], rows);
    const kernel = net.shared.transposed(step.w, channels, inputs);
    return net.times(net.shared.places.patches, height * width, kernel, inputs, channels);
  },

  conv(net, step, slope, source) {
    const [height, width, channels] = source.shape;
    const [rows, across, filters] = step.shape;
    const side = Math.round(Math.sqrt(step.inputs / channels));
    net.memory.view(net.shared.scratch("patches", slope.length)).set(slope);
    const kernel = net.shared.transposed(step.w, step.inputs, filters);
    const product = net.times(net.shared.places.patches, rows * across, kernel, filters, step.inputs);
    const out = new Float32Array(height * width * channels);
    let from = 0;
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < across; j++)
        for (let ky = 0; ky < side; ky++)
          for (let kx = 0; kx < side; kx++, from += channels) {
            const [y, x] = [i * step.stride + ky - step.pad[0], j * step.stride + kx - step.pad[1]];
            if (y < 0 || y >= height || x < 0 || x >= width) continue;
            for (let c = 0; c < channels; c++) out[(y * width + x) * channels + c] += product[from + c];
          }
    return out;
  },

  affine: (net, step, slope) => slope.map((value, i) => value * step.scale[i % step.scale.length]),

  relu(net, step, slope) {
    const out = net.values(step);
    return slope.map((value, i) => (out[i] > 0 ? value : step.slope * value));
  },

  reshape: (net, step, slope) => slope,

  permute(net, step, slope, source) {
    const strides = source.shape.map((_, axis) => size(source.shape.slice(axis + 1)));
    const [a, b, c, d] = step.shape;
    const [sa, sb, sc, sd] = step.dims.map((axis) => strides[axis]);
    const out = new Float32Array(slope.length);
    let from = 0;
    for (let i = 0; i < a; i++)
      for (let j = 0; j < b; j++)
        for (let k = 0; k < c; k++) for (let l = 0; l < d; l++) out[i * sa + j * sb + k * sc + l * sd] = slope[from++];
    return out;
  },

  crop(net, step, slope, source) {
    const [rows, across, channels] = step.shape;
    const out = new Float32Array(size(source.shape));
    for (let i = 0; i < rows; i++)
      out.set(
        slope.subarray(i * across * channels, (i + 1) * across * channels),
        ((i + step.at[0]) * source.shape[1] + step.at[1]) * channels,
      );
    return out;
  },

  repeat(net, step, slope, source) {
    const [rows, across, channels] = step.shape;
    const out = new Float32Array(size(source.shape));
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < across; x++)
        for (let c = 0; c < channels; c++)
          out[(((y / step.side) | 0) * source.shape[1] + ((x / step.side) | 0)) * channels + c] +=
            slope[(y * across + x) * channels + c];
    return out;
  },

  add: (net, step, slope) => slope.slice(),
};

// sum (x - decode(z))^2 / (2 VARIANCE) + |z|^2 / 2, and its slope by z
function loss(model, x, z, codes) {
  const pixels = model.decode(z, codes);
  const slope = new Float32Array(pixels.length);
  let error = 0;
  for (let i = 0; i < pixels.length; i++) {
    const off = pixels[i] - x[i];
    error += off * off;
    slope[i] = (off / VARIANCE) * pixels[i] * (1 - pixels[i]);
  }
  const back = backward(model.decoder, slope);
  const bend = BENDS[model.spec.decoder_activation];
  return {
    loss: error / (2 * VARIANCE) + z.reduce((sum, value) => sum + value * value, 0) / 2,
    error: error / pixels.length,
    slope: z.map((value, i) => back[i] * bend(value) + value),
  };
}

const BENDS = {
  linear: () => 1,
  relu: (x) => (x > 0 ? 1 : 0),
  sigmoid: (x) => ACTIVATIONS.sigmoid(x) * (1 - ACTIVATIONS.sigmoid(x)),
};

// Adam from z for some milliseconds; the best on the way: {z, before, after, steps}, squared errors a pixel
function refine(model, x, z, codes, milliseconds) {
  const [first, second] = [new Float32Array(z.length), new Float32Array(z.length)];
  const began = performance.now();
  let [best, before, count] = [null, 0, 0];
  for (;;) {
    const now = loss(model, x, z, codes);
    if (!count) before = now.error;
    if (!best || now.loss < best.loss) best = { ...now, z };
    if (performance.now() - began > milliseconds) return { z: best.z, before, after: best.error, steps: count };
    count++;
    z = z.map((value, i) => {
      first[i] = BETAS[0] * first[i] + (1 - BETAS[0]) * now.slope[i];
      second[i] = BETAS[1] * second[i] + (1 - BETAS[1]) * now.slope[i] ** 2;
      const mean = first[i] / (1 - BETAS[0] ** count);
      return value - (RATE * mean) / (Math.sqrt(second[i] / (1 - BETAS[1] ** count)) + 1e-8);
    });
  }
}
