// The face at hand: what it is, how it is shown, what was before.
"use strict";

const $ = (id) => document.getElementById(id);
const DATA = JSON.parse($("data").textContent);
const [HEIGHT, WIDTH, CHANNELS] = DATA.models[0].shape;

function say(text, wrong = false) {
  $("message").textContent = text;
  $("message").classList.toggle("wrong", wrong);
}

// ---- the worker that runs the networks

const engine = {
  waiting: new Map(),
  count: 0,
  busy: false,
  next: null,

  start() {
    const source = new Blob([$("engine").textContent], { type: "text/javascript" });
    this.worker = new Worker(URL.createObjectURL(source));
    this.worker.onmessage = ({ data }) => {
      const { resolve, reject } = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.error) reject(new Error(data.error));
      else resolve(data);
    };
    this.worker.onerror = () => say("the networks cannot run in this browser; use a current one", true);
    const text = $("arrays").textContent;
    $("arrays").remove();
    return this.ask("start", { specs: Object.fromEntries(DATA.models.map((m) => [m.name, m])), index: DATA.arrays, text });
  },

  ask(task, values) {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, task, ...values });
    });
  },

  // the same for what is shown live: of requests that come faster than answers only the last is answered
  async latest(task, values, done) {
    if (this.busy) {
      this.next = [task, values, done];
      return;
    }
    this.busy = true;
    try {
      done(await this.ask(task, values));
    } catch (error) {
      say(error.message, true);
    }
    this.busy = false;
    if (this.next) {
      const next = this.next;
      this.next = null;
      this.latest(...next);
    }
  },
};

// ---- pictures

// floats in [0, 1] as ImageData
function imageOf(pixels) {
  const image = new ImageData(WIDTH, HEIGHT);
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = Math.floor(pixels[i * CHANNELS + (CHANNELS === 3 ? c : 0)] * 255 + 0.5);
    image.data[4 * i + 3] = 255;
  }
  return image;
}

// the pixels of a canvas of the images' size as floats in [0, 1]; gray by the luma of ITU-R 601, as Pillow's
function pixelsOf(context) {
  const { data } = context.getImageData(0, 0, WIDTH, HEIGHT);
  const pixels = new Float32Array(WIDTH * HEIGHT * CHANNELS);
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    const [r, g, b] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
    if (CHANNELS === 1) pixels[i] = Math.round(0.299 * r + 0.587 * g + 0.114 * b) / 255;
    else pixels.set([r / 255, g / 255, b / 255], 3 * i);
  }
  return pixels;
}

function contextOf(canvas, width = WIDTH, height = HEIGHT) {
  [canvas.width, canvas.height] = [width, height];
  return canvas.getContext("2d", { willReadFrequently: true });
}

const paint = (canvas, pixels) => contextOf(canvas).putImageData(imageOf(pixels), 0, 0);

// ---- the face

const spaces = {}; // name of a model: Space

// model, z, codes; name: of the face; strengths: of attributes, since it was begun with; start: {z, codes} as it was
// begun with; pixels: of the picture that it was encoded from, or null
let face = null;
let shown = null; // pixels of the face as last decoded
const locks = new Set();
const past = { list: [], at: -1 };
const watchers = []; // called with the face when it changes

const spec = (name = face.model) => DATA.models.find((each) => each.name === name);
const space = () => spaces[face.model];
const labelsOf = (each) => Object.fromEntries(spec(each.model).conditions.map((name, i) => [name, each.codes[i]]));

async function openModel(name) {
  if (spaces[name]) return;
  const found = spec(name);
  const numbers = [
    ...(found.pca ? Object.values(found.pca) : []),
    ...found.directions.map((each) => each.vector),
    ...found.samplers.flatMap((each) => [each.means, each.draws, ...(each.roots ?? [])]),
  ].filter((i) => i !== undefined);
  const { arrays } = await engine.ask("arrays", { numbers });
  spaces[name] = new Space(found, new Map(numbers.map((number, i) => [number, arrays[i]])));
}

// begin with another face
function begin(model, z, { name, pixels = null, codes = null } = {}) {
  codes ??= face && face.model === model ? face.codes : new Float32Array(spec(model).conditions.length);
  face = { model, z, codes, name, pixels, strengths: {}, start: { z, codes } };
  changed();
  remember();
}

// move the face at hand; what is locked stays but for the sliders that move it
function move(z, { except = "", strengths = face.strengths, codes = face.codes } = {}) {
  const kept = [...locks].filter((lock) => lock !== except);
  face = { ...face, z: kept.length ? space().locked(face.z, z, kept) : z, strengths, codes };
  changed();
}

function changed() {
  const began = performance.now();
  for (const watcher of watchers) watcher(face);
  engine.latest("decode", { name: face.model, z: face.z, codes: face.codes }, ({ pixels }) => {
    shown = pixels;
    paint($("face"), pixels);
    performance.measure("slider to pixels", { start: began });
  });
}

// the face at hand as a step that can be undone
function remember() {
  past.list.splice(past.at + 1, Infinity, face);
  if (past.list.length > 200) past.list.shift();
  past.at = past.list.length - 1;
  for (const watcher of watchers) watcher(face);
}

async function travel(by) {
  const there = past.list[past.at + by];
  if (!there) return;
  past.at += by;
  await openModel(there.model);
  face = there;
  changed();
}

// the face as another model has it: encoded anew from its picture
async function carryTo(name) {
  if (name === face.model) return;
  await openModel(name);
  locks.clear();
  const codes = Float32Array.from(spec(name).conditions, (label) => labelsOf(face)[label] ?? 0);
  if (!spec(name).encoder) {
    const z = spaces[name].draw(spaces[name].samplers[0], 1);
    begin(name, z, { name: "a random face", codes });
    say("This model has no encoder: the face could not be carried over.");
    return;
  }
  const changedSince = face.z.some((value, i) => value !== face.start.z[i]);
  const pixels = face.pixels && !changedSince ? face.pixels : shown;
  const { z } = await engine.ask("encode", { name, pixels });
  begin(name, z, { name: face.name, pixels: face.pixels && !changedSince ? face.pixels : null, codes });
}

function randomFace() {
  const sampler = space().samplers[$("sampler").selectedIndex] ?? space().samplers[0];
  const z = space().draw(sampler, Number($("psi").value));
  begin(face.model, locks.size ? space().locked(face.z, z, [...locks]) : z, { name: "a random face" });
}
