// The page as a whole: models, modes, faces to begin with, keys.
"use strict";

const TITLES = { ae: "Autoencoder", vae: "VAE", gan: "GAN" };
let mode = "latent";

// ---- models and modes

$("models").replaceChildren(
  ...DATA.models.map(({ name }) => {
    const button = element("button", { type: "button", textContent: TITLES[name] ?? name });
    button.dataset.model = name;
    button.onclick = () => carryTo(name);
    return button;
  }),
);

// whether it could be
function setMode(wanted) {
  if (wanted !== "latent" && !spec().encoder) {
    say("This model has no encoder: it can neither follow a drawing nor take a photograph.", true);
    return false;
  }
  mode = wanted;
  for (const part of document.querySelectorAll("[data-in]")) part.hidden = part.dataset.in !== mode;
  for (const button of document.querySelectorAll("[data-mode]"))
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  if (mode === "draw" && !ground) newPaper(shown);
  if (mode === "photo") drawFrame();
  return true;
}
for (const button of document.querySelectorAll("[data-mode]")) button.onclick = () => setMode(button.dataset.mode);
for (const button of document.querySelectorAll(".use")) button.onclick = () => setMode("latent");

let current = null; // the model whose sliders are there
watchers.push((now) => {
  if (now.model !== current) {
    current = now.model;
    for (const button of $("models").children) button.setAttribute("aria-pressed", String(button.dataset.model === current));
    $("sampler").replaceChildren(...space().samplers.map(({ name }) => element("option", { textContent: name })));
    showTruncation(space().samplers[0]);
    makePanels();
    const able = Boolean(spec().encoder);
    for (const button of document.querySelectorAll("[data-mode]")) button.disabled = !able && button.dataset.mode !== "latent";
    $("held-out").hidden = !able || !$("strip").children.length;
    if (!able) setMode("latent");
  } else showValues(now);
  const differs = isChanged(now);
  $("face-name").textContent = now.name + (differs ? ", changed" : "");
  $("face").setAttribute("aria-label", `The face: ${$("face-name").textContent}`);
  $("undo").disabled = past.at < 1;
  $("redo").disabled = past.at >= past.list.length - 1;
  $("reset").disabled = !differs;
});

// a link to this face, once it stays as it is for a moment
let settling = 0;
watchers.push((now) => {
  clearTimeout(settling);
  settling = setTimeout(() => {
    const hash = toHash(now);
    if (location.hash !== hash) history.replaceState(null, "", hash);
  }, 250);
});
addEventListener("hashchange", () => openLink());
async function openLink() {
  const linked = fromHash(location.hash, DATA.models);
  if (!linked) {
    if (location.hash.length > 1) say("The link is not of a face of these models.", true);
    return false;
  }
  const mine = ++errand;
  await openModel(linked.model);
  if (mine !== errand) return true;
  begin(linked.model, linked.z, { name: "the face of the link", codes: linked.codes });
  setMode("latent");
  return true;
}

// ---- faces to begin with

function showTruncation(sampler) {
  $("psi").value = sampler.truncation ?? 1;
  $("psi-value").textContent = $("psi").value;
}
$("sampler").onchange = () => showTruncation(space().samplers[$("sampler").selectedIndex]);
$("psi").oninput = () => ($("psi-value").textContent = $("psi").value);
$("random").onclick = randomFace;
$("around").onclick = around;
$("undo").onclick = () => travel(-1);
$("redo").onclick = () => travel(1);
$("reset").onclick = reset;

function around() {
  move(space().around(face.z, 0.4));
  remember();
}

function reset() {
  if (!isChanged(face)) return;
  move(face.start.z, { strengths: {}, codes: face.start.codes });
  remember();
}

async function showHeldOut() {
  if (!DATA.faces) return;
  const picture = new Image();
  picture.src = DATA.faces.picture;
  await picture.decode();
  const { columns, ids } = DATA.faces;
  const sum = new Float32Array(WIDTH * HEIGHT * CHANNELS);
  const items = ids.map((id, i) => {
    const canvas = element("canvas");
    const context = contextOf(canvas);
    context.drawImage(picture, -(i % columns) * WIDTH, -Math.floor(i / columns) * HEIGHT);
    const pixels = pixelsOf(context);
    pixels.forEach((value, j) => (sum[j] += value / ids.length));
    const button = element("button", { type: "button", title: id }, [canvas]);
    button.setAttribute("aria-label", `Held-out face ${id}`);
    button.onclick = async () => {
      const mine = ++errand;
      const { model } = face;
      const { z } = await engine.ask("encode", { name: model, pixels });
      if (mine !== errand) return;
      begin(model, z, { name: id, pixels });
      if (mode === "draw") newPaper(pixels);
    };
    return element("li", {}, [button]);
  });
  meanFace = document.createElement("canvas");
  paint(meanFace, sum);
  $("strip").replaceChildren(...items);
  $("held-out").hidden = !spec().encoder;
  roving($("strip"));
}

// of a list of buttons one can be reached by Tab, the others from there by arrows
function roving(list) {
  const buttons = [...list.querySelectorAll("button")];
  buttons.forEach((button, i) => (button.tabIndex = i ? -1 : 0));
  list.onkeydown = (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const at = buttons.indexOf(document.activeElement);
    if (!by || at < 0) return;
    event.preventDefault();
    const next = buttons[(at + by + buttons.length) % buttons.length];
    buttons[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  };
}

// ---- between two faces

const ends = { a: null, b: null };
for (const end of ["a", "b"]) {
  contextOf($(`face-${end}`));
  $(`set-${end}`).onclick = async () => {
    ends[end] = { model: face.model, z: face.z };
    paint($(`face-${end}`), await pixelsOfFace(face));
    $("blend").disabled = !(ends.a && ends.b);
    $("blend").value = end === "a" ? 0 : 1;
  };
}
$("blend").oninput = () => {
  if ([ends.a, ends.b].some((end) => end.model !== face.model)) return say("A and B are faces of another model: set them again.", true);
  move(space().between(ends.a.z, ends.b.z, Number($("blend").value)), { strengths: {} });
};
$("blend").onchange = () => remember("blend");

// ---- keys

$("help-open").onclick = () => $("help").showModal();
const KEYS = {
  " ": () => (mode === "draw" ? $("live").click() : mode === "latent" && randomFace()),
  a: around,
  r: reset,
  k: keepFace,
  c: () => mode === "draw" && clearPaper(),
  "?": () => $("help").showModal(),
};
// a button that a pointer pressed lets the space bar go
addEventListener("click", (event) => event.detail && event.target.closest("button, summary, [type=checkbox]")?.blur());
addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]") || event.target.matches(TYPED)) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    const back = key === "z" && !event.shiftKey;
    if (!back && key !== "y" && key !== "z") return;
    event.preventDefault();
    if (mode === "draw" && back) undoStroke();
    else travel(back ? -1 : 1);
    return;
  }
  if (event.altKey) return;
  const model = DATA.models[Number(key) - 1];
  if (model) carryTo(model.name);
  else if (KEYS[key] && !(key === " " && event.target.matches("button, summary, input[type=checkbox]"))) {
    event.preventDefault();
    KEYS[key]();
  }
});

// ---- to begin with

(async () => {
  say("Unpacking the networks …");
  const parts = [document.querySelector("header"), document.querySelector("main")];
  for (const part of parts) part.inert = true;
  try {
    await engine.start();
    await openModel(DATA.models[0].name);
    if (!(await openLink())) {
      const first = DATA.models[0].name;
      begin(first, spaces[first].draw(spaces[first].samplers[0], spaces[first].samplers[0].truncation ?? 1), { name: "a random face" });
      if ($("message").textContent.startsWith("Unpacking")) say("");
    } else say("");
    for (const part of parts) part.inert = false;
    await showHeldOut();
  } catch (error) {
    say(`The networks could not be started: ${error.message}`, true);
  }
})();
