// Drawing: a paper of the images' size, and what the model makes of it while one draws.
"use strict";

const paper = contextOf($("paper"));
let ground = null; // what the eraser brings back: a canvas
let last = null; // where the brush was
const drawn = []; // earlier papers: {image, ground}
let photoPixels = null; // the photograph as framed, if there is one

// a paper with a picture, pixels in [0, 1], or a white one
function newPaper(pixels) {
  if (ground) saveStep();
  ground = document.createElement("canvas");
  const context = contextOf(ground);
  if (pixels) context.putImageData(imageOf(pixels), 0, 0);
  else {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, WIDTH, HEIGHT);
  }
  paper.drawImage(ground, 0, 0);
}

function saveStep() {
  drawn.push({ image: paper.getImageData(0, 0, WIDTH, HEIGHT), ground });
  if (drawn.length > 100) drawn.shift();
}

// a picture's face becomes the face at hand
function redraw(pixels, name, done = () => {}) {
  const { model, codes } = face;
  const mine = errand;
  engine.latest("redraw", { name: model, pixels, codes }, (answer) => {
    if (mine !== errand) return; // another face came meanwhile
    const { z } = answer;
    face = { ...face, z, pixels, name, strengths: {}, versions: { [model]: z }, start: { z, codes: face.codes } };
    show(answer.pixels);
    notify();
    done();
  });
}

function follow() {
  if ($("live").checked) redraw(pixelsOf(paper), "your drawing", () => last || remember("draw"));
}

const grayed = (colour) => {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  const luma = Math.round(0.299 * r + 0.587 * g + 0.114 * b).toString(16).padStart(2, "0");
  return `#${luma}${luma}${luma}`;
};

function placeOf(event) {
  const box = $("paper").getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * WIDTH, ((event.clientY - box.top) / box.height) * HEIGHT];
}

function stroke([x, y]) {
  const [fromX, fromY] = last ?? [x, y];
  const colour = CHANNELS === 1 ? grayed($("colour").value) : $("colour").value;
  paper.strokeStyle = $("eraser").getAttribute("aria-pressed") === "true" ? paper.createPattern(ground, "no-repeat") : colour;
  paper.lineWidth = Number($("brush").value);
  paper.lineCap = paper.lineJoin = "round";
  paper.beginPath();
  paper.moveTo(fromX, fromY);
  paper.lineTo(x, y + (fromX === x && fromY === y ? 0.01 : 0));
  paper.stroke();
  last = [x, y];
  follow();
}

$("paper").onpointerdown = (event) => {
  if (!event.isPrimary || event.button) return;
  event.preventDefault();
  $("paper").focus({ preventScroll: true });
  const place = placeOf(event);
  if ($("pick").getAttribute("aria-pressed") === "true") {
    const [x, y] = place.map((value, i) => Math.max(0, Math.min([WIDTH, HEIGHT][i] - 1, Math.floor(value))));
    const colour = Array.from(paper.getImageData(x, y, 1, 1).data.slice(0, 3), (value) => value.toString(16).padStart(2, "0"));
    $("colour").value = `#${colour.join("")}`;
    press("pick", false);
    press("eraser", false);
    return;
  }
  $("paper").setPointerCapture(event.pointerId);
  saveStep();
  last = null;
  stroke(place);
};
$("paper").onpointermove = (event) => last && event.isPrimary && event.buttons && stroke(placeOf(event));
$("paper").onpointerup = $("paper").onpointercancel = () => {
  if (!last) return;
  last = null;
  follow();
};

const press = (id, down) => $(id).setAttribute("aria-pressed", String(down));
for (const id of ["eraser", "pick"]) $(id).onclick = () => press(id, $(id).getAttribute("aria-pressed") !== "true");

// with the keyboard: arrows move the brush, Enter draws a dot
const pen = [WIDTH / 2, HEIGHT / 2];
$("paper").onkeydown = (event) => {
  const by = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
  if (!by && event.key !== "Enter") return;
  event.preventDefault();
  if (by) {
    [WIDTH, HEIGHT].forEach((side, i) => (pen[i] = Math.max(0, Math.min(side, pen[i] + by[i]))));
    if (!event.shiftKey) return say(`brush at ${pen[0]}, ${pen[1]}; Enter draws, with Shift it draws as it goes`);
  }
  saveStep();
  stroke([...pen]);
  last = null;
  follow();
};

function undoStroke() {
  const before = drawn.pop();
  if (!before) return say("Nothing to undo.");
  paper.putImageData(before.image, 0, 0);
  ground = before.ground;
  follow();
}

function clearPaper() {
  newPaper(null);
  follow();
}

$("draw-undo").onclick = undoStroke;
$("draw-clear").onclick = clearPaper;
$("draw-face").onclick = () => newPaper(shown);
$("draw-photo").onclick = () => {
  if (!photoPixels) return say("Choose a photo first, under Photo.");
  newPaper(photoPixels);
  follow();
};
$("brush").oninput = () => ($("brush-value").textContent = $("brush").value);
$("live").onchange = follow;
