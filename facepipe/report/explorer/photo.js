// A photograph: chosen, dropped or pasted; framed by hand as the training images were; encoded. It never leaves the page.
"use strict";

const SCALE = Math.max(1, Math.round(384 / Math.max(WIDTH, HEIGHT))); // of the frame shown, over the images
const frame = contextOf($("frame"), WIDTH * SCALE, HEIGHT * SCALE);
const framed = contextOf(document.createElement("canvas"));
const view = { picture: null, x: 0, y: 0, fit: 1 }; // x, y: of the picture's middle from the frame's, in images' pixels
let meanFace = null; // a canvas

async function loadPhoto(blob) {
  try {
    view.picture = await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    return say("That file is not a picture that this browser can read; try a JPEG or PNG.", true);
  }
  view.fit = Math.max(WIDTH / view.picture.width, HEIGHT / view.picture.height);
  [view.x, view.y] = [0, 0];
  $("zoom").value = $("turn").value = 0;
  setMode("photo");
  drawFrame();
  $("frame-hint").textContent = "drag to move; wheel or slider to zoom";
}

// the picture as it lies in the frame, into a context that is `scale` times as large as the images
function place(context, scale) {
  const zoom = view.fit * 8 ** Number($("zoom").value) * scale;
  context.save();
  context.fillStyle = "#808080";
  context.fillRect(0, 0, WIDTH * scale, HEIGHT * scale);
  context.translate((WIDTH / 2 + view.x) * scale, (HEIGHT / 2 + view.y) * scale);
  context.rotate((Number($("turn").value) * Math.PI) / 180);
  context.scale(zoom, zoom);
  context.imageSmoothingQuality = "high";
  context.drawImage(view.picture, -view.picture.width / 2, -view.picture.height / 2);
  context.restore();
}

function drawFrame() {
  if (!view.picture) return;
  place(frame, SCALE);
  place(framed, 1);
  photoPixels = pixelsOf(framed);
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
  redraw(photoPixels);
}

let grip = null;
$("frame").onpointerdown = (event) => {
  if (!view.picture) return $("file").click();
  $("frame").setPointerCapture(event.pointerId);
  grip = [event.clientX, event.clientY];
};
$("frame").onpointermove = (event) => {
  if (!grip) return;
  const across = WIDTH / $("frame").getBoundingClientRect().width;
  view.x += (event.clientX - grip[0]) * across;
  view.y += (event.clientY - grip[1]) * across;
  grip = [event.clientX, event.clientY];
  drawFrame();
};
$("frame").onpointerup = $("frame").onpointercancel = () => (grip = null);
$("frame").addEventListener("wheel", (event) => {
  event.preventDefault();
  $("zoom").value = Number($("zoom").value) - event.deltaY / 2000;
  drawFrame();
});
$("frame").onkeydown = (event) => {
  const by = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
  if (!by) return;
  event.preventDefault();
  view.x += by[0];
  view.y += by[1];
  drawFrame();
};
for (const id of ["zoom", "turn", "guide"]) $(id).oninput = drawFrame;
$("file").onchange = () => $("file").files[0] && loadPhoto($("file").files[0]);

$("refine").onclick = async () => {
  if (!photoPixels || !found) return say("Choose a photo first.");
  $("refine").disabled = true;
  const [started, pixels] = [found, photoPixels];
  try {
    const { z, before, after, steps } = await engine.ask("refine", {
      name: found.model, pixels, z: found.z, codes: face.codes, milliseconds: 1000,
    });
    if (found === started) {
      found = { ...found, z };
      const { pixels: made } = await engine.ask("decode", { name: found.model, z, codes: face.codes });
      shown = made;
      paint($("face"), made);
      say(`Refined in ${steps} steps: squared error ${before.toFixed(5)}, now ${after.toFixed(5)}.`);
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
  if (event.dataTransfer.files[0]) loadPhoto(event.dataTransfer.files[0]);
});
