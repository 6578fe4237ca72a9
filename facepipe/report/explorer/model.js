// A model: its networks with what lies between them and pictures.
"use strict";

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
