// The arrays that a page stores, as numbers: see weights.py.
"use strict";

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";

// the bytes of a text in base85, as weights.py writes it: five letters are four bytes, the first of them the highest
function fromBase85(text) {
  const values = new Uint8Array(128);
  for (let i = 0; i < 85; i++) values[LETTERS.charCodeAt(i)] = i;
  const bytes = new Uint8Array((text.length / 5) * 4);
  for (let i = 0, at = 0; i < text.length; i += 5, at += 4) {
    let word = 0;
    for (let j = 0; j < 5; j++) word = word * 85 + values[text.charCodeAt(i + j)];
    bytes[at] = word >>> 24;
    bytes[at + 1] = word >>> 16;
    bytes[at + 2] = word >>> 8;
    bytes[at + 3] = word;
  }
  return bytes;
}

const size = (shape) => shape.reduce((product, side) => product * side, 1);

class Stored {
  constructor(index, bytes) {
    this.index = index;
    this.bytes = bytes;
  }

  shape(i) {
    return this.index[this.index[i].of ?? i].shape;
  }

  floats(i) {
    const { of } = this.index[i];
    if (of === undefined) return this.own(i);
    const [numbers, factors] = [this.own(of), this.own(i)];
    const each = numbers.length / factors.length;
    return numbers.map((value, j) => value * factors[(j / each) | 0]);
  }

  own(i) {
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
