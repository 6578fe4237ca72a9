// Latents as text: rows of CSV as facepipe reads and writes them, and the part of a link behind its #.
"use strict";

const MOST = 1e6; // that a number of a latent may be

const columnName = (i, letter = "z") => letter + String(i).padStart(3, "0");

// 9 significant digits, from which a float32 reads back to the same bits
const written = (value) => String(Number(Math.fround(value).toPrecision(9)));

// faces: list of {id, z, labels: {name: -1 | 0 | 1}}
function toCsv(faces) {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const labels = Object.keys(faces[0].labels);
  const header = ["id", "split", ...labels, ...Array.from(faces[0].z, (_, i) => columnName(i))];
  const rows = faces.map((face) => [
    face.id,
    "",
    ...labels.map((name) => ({ "-1": "0", 1: "1" })[face.labels[name]] ?? ""),
    ...Array.from(face.z, written),
  ]);
  return [header, ...rows].map((cells) => cells.map(quoted).join(",")).join("\n") + "\n";
}

// The latent in a text: a table with a header of z000, z001, ..., of which the first row is taken, or the bare numbers.
// {z, id, labels}; throws an Error that says what is wrong.
function fromCsv(text, dim) {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/).filter((line) => line.trim());
  if (!lines.length) throw new Error("nothing to paste: expected a row of numbers");
  const separator = ["\t", ";", ","].find((each) => lines[0].includes(each)) ?? " ";
  const cells = (line) => (separator === " " ? line.trim().split(/\s+/) : splitCells(line, separator));
  const number = (cell, column) => {
    const plain = cell.trim().replace("\u2212", "-");
    const value = Number(separator === "," ? plain : plain.replace(",", "."));
    if (!plain || !Number.isFinite(value)) throw new Error(`${column}: "${cell.slice(0, 20)}" is not a number`);
    if (Math.abs(value) > MOST) throw new Error(`${column}: ${value} is too large for a latent`);
    return Math.fround(value);
  };
  const first = cells(lines[0]).map((cell) => cell.trim());
  const places = Array.from({ length: dim }, (_, i) => first.indexOf(columnName(i)));
  if (first.some((cell) => /^z\d{3,}$/.test(cell))) {
    const missing = places.indexOf(-1);
    if (missing >= 0) throw new Error(`no column ${columnName(missing)}: this model has ${dim} numbers a face`);
    const beyond = first.find((cell) => /^z\d{3,}$/.test(cell) && Number(cell.slice(1)) >= dim);
    if (beyond) throw new Error(`a column ${beyond}: this model has ${dim} numbers a face`);
    if (lines.length < 2) throw new Error("a header without a row below it");
    const row = cells(lines[1]);
    const labels = {};
    first.forEach((name, i) => /^[01]$/.test((row[i] ?? "").trim()) && (labels[name] = Number(row[i]) ? 1 : -1));
    const z = Float32Array.from(places, (place, i) => number(row[place] ?? "", columnName(i)));
    return { z, id: row[first.indexOf("id")], labels };
  }
  const row = first.length === dim + 2 ? first.slice(2) : first;
  if (row.length !== dim) throw new Error(`${row.length} numbers, and this model has ${dim} a face`);
  return { z: Float32Array.from(row, (cell, i) => number(cell, columnName(i))), labels: {} };
}

function splitCells(line, separator) {
  const found = [];
  let [cell, quoted] = ["", false];
  for (let i = 0; i < line.length; i++) {
    const letter = line[i];
    if (quoted && letter === '"' && line[i + 1] === '"') cell += line[++i];
    else if (letter === '"') quoted = !quoted;
    else if (letter === separator && !quoted) {
      found.push(cell);
      cell = "";
    } else cell += letter;
  }
  return [...found, cell];
}

// a face as what stands behind the # of a link
function toHash({ model, z, codes }) {
  const bytes = new Uint8Array(Float32Array.from(z).buffer);
  const text = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const labels = codes.length ? `&l=${Array.from(codes, (code) => "-0+"[Math.sign(code) + 1]).join("")}` : "";
  return `#m=${model}&z=${text}${labels}`;
}

// {model, z, codes}, or null where it is no face of one of `specs`
function fromHash(hash, specs) {
  const parts = new Map(hash.slice(1).split("&").map((part) => part.split("=")));
  const spec = specs.find((each) => each.name === parts.get("m"));
  if (!spec || !parts.get("z")) return null;
  try {
    const text = atob(parts.get("z").replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const z = new Float32Array(bytes.buffer);
    if (z.length !== spec.latent_dim || !z.every((value) => Math.abs(value) <= MOST)) return null;
    const signs = parts.get("l") ?? "";
    const codes = Float32Array.from(spec.conditions, (_, i) => ({ "-": -1, "+": 1 })[signs[i]] ?? 0);
    return { model: spec.name, z, codes };
  } catch {
    return null;
  }
}
