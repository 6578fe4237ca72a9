// The page as a whole: models, modes, faces to begin with, what to take along, keys.
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

function setMode(wanted) {
  if (wanted !== "latent" && !spec().encoder) return say("This model has no encoder: it cannot be drawn for.", true);
  mode = wanted;
  for (const part of document.querySelectorAll("[data-in]")) part.hidden = part.dataset.in !== mode;
  for (const button of document.querySelectorAll("[data-mode]"))
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  say("");
  if (mode === "latent") changed();
  if (mode === "draw") newPaper(ground ? pixelsOf(paper) : shown);
  if (mode === "photo") drawFrame();
}
for (const button of document.querySelectorAll("[data-mode]")) button.onclick = () => setMode(button.dataset.mode);
for (const button of document.querySelectorAll(".use"))
  button.onclick = () => {
    if (!found || found.model !== face.model) return say("Nothing to use yet.");
    begin(found.model, found.z, { name: mode === "photo" ? "your photograph" : "your drawing", pixels: found.pixels });
    setMode("latent");
  };

let current = null; // the model whose sliders are there
watchers.push((now) => {
  if (now.model !== current) {
    current = now.model;
    for (const button of $("models").children) button.setAttribute("aria-pressed", String(button.dataset.model === current));
    $("sampler").replaceChildren(...space().samplers.map(({ name }) => element("option", { textContent: name })));
    showTruncation(space().samplers[0]);
    makePanels();
    if (mode === "draw") follow();
    if (mode === "photo") drawFrame();
  } else showValues(now);
  $("face-name").textContent = now.name + (now.z === now.start.z ? "" : ", changed");
  $("face").setAttribute("aria-label", `The face: ${$("face-name").textContent}`);
  $("undo").disabled = past.at < 1;
  $("redo").disabled = past.at >= past.list.length - 1;
  $("reset").disabled = now.z === now.start.z && now.codes === now.start.codes;
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
    if (location.hash.length > 1) say("The link is not of a face of these models: here is another one.", true);
    return false;
  }
  await openModel(linked.model);
  begin(linked.model, linked.z, { name: "the face of the link", codes: linked.codes });
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
  face = { ...face, z: face.start.z, codes: face.start.codes, strengths: {} };
  changed();
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
      const { z } = await engine.ask("encode", { name: face.model, pixels });
      begin(face.model, z, { name: id, pixels });
      if (mode === "draw") newPaper(pixels);
    };
    return element("li", {}, [button]);
  });
  meanFace = document.createElement("canvas");
  paint(meanFace, sum);
  $("strip").replaceChildren(...items);
  $("held-out").hidden = !DATA.models.some((each) => each.encoder);
}

// ---- between two faces

const ends = { a: null, b: null };
for (const end of ["a", "b"]) {
  contextOf($(`face-${end}`));
  $(`set-${end}`).onclick = () => {
    ends[end] = { model: face.model, z: face.z };
    paint($(`face-${end}`), shown);
    $("blend").disabled = !(ends.a && ends.b);
    $("blend").value = end === "a" ? 0 : 1;
  };
}
$("blend").oninput = () => {
  if ([ends.a, ends.b].some((end) => end.model !== face.model)) return say("A and B are faces of another model: set them again.", true);
  move(space().between(ends.a.z, ends.b.z, Number($("blend").value)));
};
$("blend").onchange = remember;

// ---- to take along

const kept = []; // faces with their pixels
let count = 0;

const asRow = (each) => ({ id: each.id, z: each.z, labels: labelsOf(each) });
const stemOf = () => `${face.model}-${(face.name ?? "face").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "") || "face"}`;

function save(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  say(`Saved ${name}.`);
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const box = element("textarea", { value: text });
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
  say(`Copied ${what}.`);
}

function keepFace() {
  kept.push({ ...face, id: `${face.model}-${++count}`, pixels: shown });
  showKept();
}

function showKept() {
  $("kept").hidden = !kept.length;
  $("kept-faces").replaceChildren(
    ...kept.map((each) => {
      const canvas = element("canvas");
      paint(canvas, each.pixels);
      const button = element("button", { type: "button", title: each.id }, [canvas]);
      button.setAttribute("aria-label", `Kept face ${each.id}`);
      button.onclick = () => begin(each.model, each.z, { name: each.id, codes: each.codes });
      return element("li", {}, [button]);
    }),
  );
}

$("keep").onclick = keepFace;
$("copy").onclick = () => copy(toCsv([asRow({ ...face, id: stemOf() })]), "a header and a row: paste them into a file in data/edits/");
$("link").onclick = () => copy(location.href.split("#")[0] + toHash(face), "a link to this face");
$("png").onclick = () => $("face").toBlob((blob) => save(blob, `${stemOf()}.png`));
$("kept-csv").onclick = () => {
  for (const { name } of DATA.models) {
    const own = kept.filter((each) => each.model === name);
    if (own.length) save(new Blob([toCsv(own.map(asRow))], { type: "text/csv" }), `${name}-kept.csv`);
  }
};
$("kept-png").onclick = () => {
  const strip = document.createElement("canvas");
  const context = contextOf(strip, WIDTH * kept.length, HEIGHT);
  kept.forEach((each, i) => context.putImageData(imageOf(each.pixels), i * WIDTH, 0));
  strip.toBlob((blob) => save(blob, "faces.png"));
};
$("kept-clear").onclick = () => {
  kept.length = 0;
  showKept();
};

function useText(text) {
  const { z, id, labels } = fromCsv(text, space().dim);
  const codes = Float32Array.from(spec().conditions, (name) => labels[name] ?? 0);
  begin(face.model, z, { name: id || "a pasted row", codes });
  setMode("latent");
}

$("paste").onclick = () => {
  $("paste-error").textContent = "";
  $("paste-dialog").showModal();
};
$("paste-close").onclick = () => $("paste-dialog").close();
$("paste-use").onclick = () => {
  try {
    useText($("paste-text").value);
    $("paste-dialog").close();
  } catch (error) {
    $("paste-error").textContent = error.message;
  }
};
addEventListener("paste", (event) => {
  const picture = [...event.clipboardData.files].find((file) => file.type.startsWith("image/"));
  if (picture) return loadPhoto(picture);
  if (event.target.matches("input, textarea")) return;
  try {
    useText(event.clipboardData.getData("text"));
  } catch (error) {
    say(error.message, true);
  }
});

// ---- keys

$("help-open").onclick = () => $("help").showModal();
const KEYS = {
  " ": () => (mode === "draw" ? $("live").click() : mode === "latent" && randomFace()),
  a: around,
  r: reset,
  k: keepFace,
  c: () => mode === "draw" && newPaper(null),
  "?": () => $("help").showModal(),
};
// a button that a pointer pressed lets the space bar go
addEventListener("click", (event) => event.detail && event.target.closest("button, summary, [type=checkbox]")?.blur());
addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]") || event.target.matches("input:not([type=range]):not([type=checkbox]), textarea, select")) return;
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
  try {
    await engine.start();
    await openModel(DATA.models[0].name);
    if (!(await openLink())) {
      const first = DATA.models[0].name;
      begin(first, spaces[first].draw(spaces[first].samplers[0], spaces[first].samplers[0].truncation ?? 1), { name: "a random face" });
      if ($("message").textContent.startsWith("Unpacking")) say("");
    } else say("");
    await showHeldOut();
  } catch (error) {
    say(`The networks could not be started: ${error.message}`, true);
  }
})();
