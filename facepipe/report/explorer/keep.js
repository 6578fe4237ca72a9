// What one takes along: faces kept, rows of CSV, links, pictures; and rows that are pasted.
"use strict";

const kept = []; // faces with their pixels
let count = 0;

const asRow = (each) => ({ id: each.id, z: each.z, labels: labelsOf(each) });
// a name for a file or a row: letters, digits, and not long
function stemOf() {
  const plain = $("face-name").textContent.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 60).replace(/^-|-$/g, "");
  return `${face.model}-${plain || "face"}`;
}

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

async function keepFace() {
  const now = { ...face, id: `${face.model}-${++count}` };
  kept.push({ ...now, made: await pixelsOfFace(now) });
  showKept();
}

function showKept() {
  $("kept").hidden = !kept.length;
  $("kept-faces").replaceChildren(
    ...kept.map((each) => {
      const canvas = element("canvas");
      paint(canvas, each.made);
      const button = element("button", { type: "button", title: each.id }, [canvas]);
      button.setAttribute("aria-label", `Kept face ${each.id}`);
      button.onclick = () => begin(each.model, each.z, { name: each.id, codes: each.codes });
      const forget = element("button", { type: "button", className: "forget", textContent: "×", title: "forget this face" });
      forget.setAttribute("aria-label", `Forget ${each.id}`);
      forget.onclick = () => {
        kept.splice(kept.indexOf(each), 1);
        showKept();
      };
      return element("li", {}, [button, forget]);
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
  kept.forEach((each, i) => context.putImageData(imageOf(each.made), i * WIDTH, 0));
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
function tryText(text) {
  try {
    useText(text);
  } catch (error) {
    say(error.message, true);
  }
}
const TYPED = "input:not([type=range], [type=checkbox], [type=color], [type=file]), textarea, select";
addEventListener("paste", (event) => {
  if (document.querySelector("dialog[open]") || event.target.matches(TYPED)) return;
  // a spreadsheet gives its cells as a picture, too
  const text = event.clipboardData.getData("text");
  const picture = [...event.clipboardData.files].find((file) => file.type.startsWith("image/"));
  if (text || !picture) tryText(text);
  else loadPhoto(picture);
});
