// A photograph: chosen, dropped or pasted; framed by hand as the training images were; encoded. It never leaves the page.
"use strict";

const SCALE = Math.max(1, Math.round(384 / Math.max(WIDTH, HEIGHT))); // of the frame shown, over the images
const frame = contextOf($("frame"), WIDTH * SCALE, HEIGHT * SCALE);
const framed = contextOf(document.createElement("canvas"));
// x, y: the point of the picture that lies in the frame's middle, in the picture's pixels
const view = { picture: null, x: 0, y: 0, fit: 1 };
let meanFace = null; // a canvas

async function loadPhoto(blob) {
  let picture;
  try {
    picture = await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    return say("That file is not a picture that this browser can read; try a JPEG or PNG.", true);
  }
  if (!setMode("photo")) return;
  view.picture = picture;
  view.fit = Math.max(WIDTH / picture.width, HEIGHT / picture.height);
  [view.x, view.y] = [picture.width / 2, picture.height / 2];
  $("zoom").value = $("turn").value = 0;
  drawFrame();
  encodePhoto();
}

const zoomed = () => view.fit * 8 ** Number($("zoom").value); // images' pixels a pixel of the picture
const turned = () => (Number($("turn").value) * Math.PI) / 180;

// the picture as it lies in the frame, into a context that is `scale` times as large as the images
function place(context, scale) {
  context.save();
  context.fillStyle = "#808080";
  context.fillRect(0, 0, WIDTH * scale, HEIGHT * scale);
  context.translate((WIDTH / 2) * scale, (HEIGHT / 2) * scale);
  context.rotate(turned());
  context.scale(zoomed() * scale, zoomed() * scale);
  context.imageSmoothingQuality = "high";
  context.drawImage(view.picture, -view.x, -view.y);
  context.restore();
}

function drawFrame() {
  if (!view.picture) {
    frame.clearRect(0, 0, WIDTH * SCALE, HEIGHT * SCALE);
    if (meanFace) frame.drawImage(meanFace, 0, 0, WIDTH * SCALE, HEIGHT * SCALE);
    return;
  }
  place(frame, SCALE);
  frame.save();
  frame.globalAlpha = Number($("guide").value);
  if (meanFace) frame.drawImage(meanFace, 0, 0, WIDTH * SCALE, HEIGHT * SCALE);
  frame.restore();
  for (const [x, y] of DATA.eyes ?? []) {
    frame.beginPath();
    frame.arc(x * WIDTH * SCALE, y * HEIGHT * SCALE, 9, 0, 2 * Math.PI);
    for (const [width, style] of [[4, "#000"], [2, "#fff"]]) {
      [frame.lineWidth, frame.strokeStyle] = [width, style];
      frame.stroke();
    }
  }
}

function encodePhoto() {
  if (!view.picture) return;
  place(framed, 1);
  photoPixels = pixelsOf(framed);
  redraw(photoPixels, "your photograph", () => remember("photo"));
}

function reframe() {
  drawFrame();
  encodePhoto();
}

// by how much a hand has moved, in pixels of the frame
function shift(across, down) {
  const [cosine, sine] = [Math.cos(turned()), Math.sin(turned())];
  view.x -= (across * cosine + down * sine) / zoomed();
  view.y -= (down * cosine - across * sine) / zoomed();
}

const fingers = new Map(); // id of a pointer: [x, y]
const middle = () => [0, 1].map((i) => [...fingers.values()].reduce((sum, at) => sum + at[i] / fingers.size, 0));
const spread = () => {
  const [a, b] = fingers.values();
  return b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0;
};
$("frame").onpointerdown = (event) => {
  if (event.button) return;
  if (!view.picture) return $("file").click();
  $("frame").setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
};
$("frame").onpointermove = (event) => {
  if (!fingers.has(event.pointerId)) return;
  const [[x, y], before] = [middle(), spread()];
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  const across = WIDTH / $("frame").getBoundingClientRect().width;
  const [newX, newY] = middle();
  shift((newX - x) * across, (newY - y) * across);
  if (before > 8) $("zoom").value = Number($("zoom").value) + Math.log(spread() / before) / Math.log(8);
  reframe();
};
$("frame").onpointerup = $("frame").onpointercancel = (event) => fingers.delete(event.pointerId);
$("frame").addEventListener("wheel", (event) => {
  event.preventDefault();
  $("zoom").value = Number($("zoom").value) - event.deltaY / 2000;
  reframe();
});
$("frame").onkeydown = (event) => {
  const by = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
  if (by && view.picture) shift(...by);
  else if (event.key === "Enter") return $("file").click();
  else if (event.key === "+" || event.key === "-") $("zoom").value = Number($("zoom").value) + (event.key === "+" ? 0.02 : -0.02);
  else return;
  event.preventDefault();
  reframe();
};
for (const id of ["zoom", "turn"]) $(id).oninput = reframe;
$("guide").oninput = drawFrame;
$("file").onchange = () => {
  const [file] = $("file").files;
  $("file").value = ""; // the same file may be chosen again
  if (file) loadPhoto(file);
};

$("refine").onclick = async () => {
  if (!face.pixels) return say("Choose a photo first.");
  $("refine").disabled = true;
  const mine = ++errand;
  const { model, pixels, z, codes } = face;
  try {
    const found = await engine.ask("refine", { name: model, pixels, z, codes, milliseconds: 1000 });
    if (mine === errand) {
      begin(model, found.z, { name: face.name, pixels, codes });
      say(`Refined in ${found.steps} steps: squared error ${found.before.toFixed(5)}, now ${found.after.toFixed(5)}.`);
    }
  } catch (error) {
    say(error.message, true);
  }
  $("refine").disabled = false;
};

addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", () => document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const [file] = event.dataTransfer.files;
  if (!file || document.querySelector("dialog[open]")) return;
  if (/\.(csv|tsv|txt)$/i.test(file.name)) file.text().then(tryText);
  else loadPhoto(file);
});
