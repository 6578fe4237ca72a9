// What the page asks of the networks: {id, task, ...} -> {id, ...} or {id, error}.

let model = null;
let kept = null;

const TASKS = {
  async start({ specs, index, text, length }) {
    const packed = fromBase85(text).subarray(0, length);
    const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const bytes = new Uint8Array(await new Response(plain).arrayBuffer());
    model = buildModels(specs, index, bytes);
    kept = new Stored(index, bytes);
    return {};
  },
  arrays: ({ numbers }) => ({ arrays: numbers.map((i) => kept.floats(i)) }),
  decode: ({ name, z, codes }) => ({ pixels: model(name).decode(z, codes) }),
  encode: ({ name, pixels }) => ({ z: model(name).encode(pixels) }),
  // a picture's latent and what it looks like
  redraw({ name, pixels, codes }) {
    const z = model(name).encode(pixels);
    return { z, pixels: model(name).decode(z, codes) };
  },
  refine: ({ name, pixels, z, codes, milliseconds }) => refine(model(name), pixels, z, codes, milliseconds),
};

onmessage = async ({ data }) => {
  try {
    postMessage({ id: data.id, ...(await TASKS[data.task](data)) });
  } catch (error) {
    postMessage({ id: data.id, error: String(error) });
  }
};
