// The product of two matrices in WebAssembly (SIMD), assembled here, and the memory that it works in.
"use strict";

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

// weights for good, then what a run needs

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
