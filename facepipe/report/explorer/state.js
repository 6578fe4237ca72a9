// The face at hand: what it is, how it is shown, what was before.
"use strict";

const $ = (id) => document.getElementById(id);
const DATA = JSON.parse($("data").textContent);
const [HEIGHT, WIDTH, CHANNELS] = DATA.models[0].shape;

let silence = 0;
// a line at the bottom of the window, for as long as it takes to read
function say(text, wrong = false) {
  $("message").textContent = text;
  $("message").classList.toggle("wrong", wrong);
  clearTimeout(silence);
  if (text) silence = setTimeout(() => ($("message").textContent = ""), wrong ? 15000 : 6000);
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
    const specs = Object.fromEntries(DATA.models.map((each) => [each.name, each]));
    return this.ask("start", { specs, index: DATA.arrays, text, length: DATA.packed });
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
// begun with; pixels: of the picture that it was encoded from, or null; versions: {model: z}, what other models made of
// it as it was begun with
let face = null;
let shown = null; // pixels of the face as last decoded
const locks = new Set();
const past = { list: [], at: -1, key: null, time: 0 };
const watchers = []; // called with the face when it changes
let errand = 0; // counts what begins with another face, so that an answer that comes too late is left alone

const spec = (name = face.model) => DATA.models.find((each) => each.name === name);
const space = () => spaces[face.model];
const labelsOf = (each) => Object.fromEntries(spec(each.model).conditions.map((name, i) => [name, each.codes[i]]));
const same = (a, b) => a.every((value, i) => value === b[i]);
const isChanged = (each) => !same(each.z, each.start.z) || !same(each.codes, each.start.codes);
const notify = () => watchers.forEach((watcher) => watcher(face));

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
function begin(model, z, { name, pixels = null, codes = null, versions = { [model]: z }, strengths = {} } = {}) {
  errand++;
  codes ??= face && face.model === model ? face.codes : new Float32Array(spec(model).conditions.length);
  face = { model, z, codes, name, pixels, versions, strengths, start: { z, codes } };
  changed();
  remember();
}

// move the face at hand; what is locked stays, but for the slider `by` that moves it
function move(z, { by = null, strengths = face.strengths, codes = face.codes } = {}) {
  errand++;
  const kept = [...locks].filter((lock) => lock !== by);
  face = { ...face, z: kept.length ? space().locked(face.z, z, kept, by) : z, strengths, codes };
  changed();
}

function changed() {
  const began = performance.now();
  notify();
  engine.latest("decode", { name: face.model, z: face.z, codes: face.codes }, ({ pixels }) => {
    show(pixels);
    performance.clearMeasures();
    performance.measure("slider to pixels", { start: began });
  });
}

function show(pixels) {
  shown = pixels;
  paint($("face"), pixels);
}

const pixelsOfFace = async ({ model, z, codes }) => (await engine.ask("decode", { name: model, z, codes })).pixels;

// the face at hand as a step that can be undone; steps of one key that follow at once are one
function remember(key = null) {
  if (past.list[past.at] === face) return;
  const now = performance.now();
  const again = key && key === past.key && now - past.time < 700 && past.at === past.list.length - 1;
  past.list.splice(again ? past.at : past.at + 1, Infinity, face);
  if (past.list.length > 200) past.list.shift();
  past.at = past.list.length - 1;
  [past.key, past.time] = [key, now];
  notify();
}

function travel(by) {
  const there = past.list[past.at + by];
  if (!there) return;
  errand++;
  past.at += by;
  past.key = null;
  face = there; // its model has been opened before
  changed();
}

// the face as another model has it: what that made of it before, or its picture encoded
async function carryTo(name) {
  if (name === face.model) return;
  const mine = ++errand;
  const from = face;
  const fresh = !isChanged(from);
  await openModel(name);
  const codes = Float32Array.from(spec(name).conditions, (label) => labelsOf(from)[label] ?? 0);
  let [z, pixels, note] = [fresh ? from.versions[name] : undefined, fresh ? from.pixels : null, ""];
  if (!z && spec(name).encoder) {
    const picture = pixels ?? (await pixelsOfFace(from));
    z = (await engine.ask("encode", { name, pixels: picture })).z;
  }
  if (mine !== errand) return;
  if (locks.size) note = "Locks belong to a model: they are released.";
  locks.clear();
  if (z) {
    const versions = { ...(fresh ? from.versions : {}), [name]: z };
    begin(name, z, { name: fresh ? from.name : `${from.name}, changed`, pixels, codes, versions });
  } else {
    begin(name, spaces[name].draw(spaces[name].samplers[0], 1), { name: "a random face", codes });
    note = "This model has no encoder: the face could not be carried over.";
  }
  say(note);
}

function randomFace() {
  const sampler = space().samplers[$("sampler").selectedIndex] ?? space().samplers[0];
  const drawn = space().draw(sampler, Number($("psi").value));
  const z = locks.size ? space().locked(face.z, drawn, [...locks]) : drawn;
  if (same(z, face.z)) return say("Everything is locked: nothing could change.");
  const held = Object.entries(face.strengths).filter(([name]) =>
    locks.has(`a${space().directions.findIndex((each) => each.name === name)}`),
  );
  begin(face.model, z, { name: "a random face", strengths: Object.fromEntries(held) });
}
