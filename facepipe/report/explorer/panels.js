// The sliders: principal components, attributes, dimensions, labels; and what the dimensions do.
"use strict";

// each: {title, rows: list of {id, label, note, min, max, step, get(), set(value)}, dead, shown}
let panels = [];
let panel = null;

const element = (tag, properties = {}, children = []) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

const short = (value) => (Math.abs(value) < 5e-4 ? "0" : value.toFixed(Math.abs(value) < 10 ? 3 : 2));

function componentRows() {
  if (!space().components) return [];
  return space().components.map((axis, k) => ({
    id: `c${k}`,
    label: `PC ${k}`,
    note: k < 8 ? `sd ${short(space().sd[k])}` : "",
    min: -3,
    max: 3,
    get: (z) => space().coordinate(z, k),
    set: (value) => move(plus(face.z, axis, (value - space().coordinate(face.z, k)) * space().sd[k]), { by: `c${k}` }),
  }));
}

function attributeRows() {
  return space().directions.map(({ name, vector, auc, success }, i) => ({
    id: `a${i}`,
    label: name,
    note: success == null ? `AUC ${auc.toFixed(2)}` : `succeeds ${Math.round(100 * success)} %`,
    title:
      success == null
        ? "how well the direction tells held-out faces with it from those without: 0.5 by chance, 1 always"
        : "how often strength 1 turned it on in held-out photographs",
    min: -3,
    max: 3,
    get: (z, strengths) => strengths[name] ?? 0,
    set(value) {
      const strengths = { ...face.strengths, [name]: value };
      move(plus(face.z, vector, value - (face.strengths[name] ?? 0)), { by: `a${i}`, strengths });
    },
  }));
}

function dimensionRows() {
  const table = spec().statistics;
  const order = Array.from({ length: space().dim }, (_, i) => i);
  if (table) order.sort((i, j) => table.rank[i] - table.rank[j]);
  return order.map((i) => ({
    id: `z${i}`,
    label: columnName(i),
    note: "",
    dead: table ? table.dead[i] : false,
    min: table ? Math.min(table.low[i], table.mean[i] - 3 * table.sd[i]) : -3,
    max: table ? Math.max(table.high[i], table.mean[i] + 3 * table.sd[i]) : 3,
    get: (z) => z[i],
    set(value) {
      const z = Float32Array.from(face.z);
      z[i] = value;
      move(z, { by: `z${i}` });
    },
  }));
}

function makePanels() {
  locks.clear();
  panels = [
    { title: "Attributes", rows: attributeRows() },
    { title: "Components", rows: componentRows() },
    { title: "Dimensions", rows: dimensionRows() },
    { title: "Labels", labels: spec().conditions },
    { title: "Statistics", statistics: spec().statistics },
  ].filter((each) => each.rows?.length || each.labels?.length || each.statistics);
  $("tabs").replaceChildren(
    ...panels.map((each, i) => {
      const tab = element("button", { type: "button", id: `tab-${i}`, textContent: each.title, role: "tab" });
      tab.setAttribute("aria-controls", "panel");
      tab.onclick = () => openPanel(each.title);
      tab.onkeydown = (event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!by) return;
        const next = (i + by + panels.length) % panels.length;
        openPanel(panels[next].title);
        $(`tab-${next}`).focus();
      };
      return tab;
    }),
  );
  openPanel(panel?.title);
}

function openPanel(title) {
  panel = panels.find((each) => each.title === title) ?? panels[0];
  panels.forEach((each, i) => {
    $(`tab-${i}`).setAttribute("aria-selected", String(each === panel));
    $(`tab-${i}`).tabIndex = each === panel ? 0 : -1;
  });
  const box = element("div", { id: "panel", role: "tabpanel" });
  box.setAttribute("aria-labelledby", `tab-${panels.indexOf(panel)}`);
  $("search-label").hidden = !panel.rows;
  $("search").value = "";
  if (panel.labels) box.append(labelRows(panel.labels));
  else if (panel.statistics) box.append(statisticsTable(panel.statistics));
  else {
    const [alive, dead] = [panel.rows.filter((row) => !row.dead), panel.rows.filter((row) => row.dead)];
    box.append(element("ul", { className: "rows" }, alive.map(sliderRow)));
    if (dead.length)
      box.append(
        element("details", {}, [
          element("summary", { textContent: `${dead.length} dead dimensions: the same in all faces` }),
          element("ul", { className: "rows" }, dead.map(sliderRow)),
        ]),
      );
  }
  $("panels").replaceChildren(box);
  if (face) showValues(face);
}

function sliderRow(row) {
  const name = element("label", { textContent: row.label.replaceAll("_", " "), htmlFor: `slide-${row.id}` });
  name.title = row.title ?? row.label;
  if (row.note) name.append(element("small", { textContent: row.note }));
  row.slider = element("input", { type: "range", id: `slide-${row.id}`, min: row.min, max: row.max, step: "any" });
  row.number = element("input", { type: "number", step: "any" });
  row.number.setAttribute("aria-label", `${row.label}, as a number`);
  const move = (value) => {
    row.set(value);
    remember(row.id);
  };
  const reset = () => move(row.get(face.start.z, {}));
  row.reset = element("button", { type: "button", className: "back", textContent: "↺", title: "back to what it was" });
  row.reset.setAttribute("aria-label", `Reset ${row.label}`);
  row.reset.onclick = reset;
  const lock = element("button", { type: "button", className: "lock", title: "hold this value while others move" });
  lock.setAttribute("aria-label", `Lock ${row.label}`);
  lock.setAttribute("aria-pressed", String(locks.has(row.id)));
  lock.onclick = () => {
    if (!locks.delete(row.id)) locks.add(row.id);
    lock.setAttribute("aria-pressed", String(locks.has(row.id)));
  };
  row.slider.oninput = () => row.set(Number(row.slider.value));
  row.slider.onchange = () => remember(row.id);
  row.slider.ondblclick = reset;
  // the range is "any" for a mouse; a key moves by a sixtieth of it
  row.slider.onkeydown = (event) => {
    if (["Delete", "Backspace"].includes(event.key)) return reset();
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 5, PageDown: -5 }[event.key];
    if (!by) return;
    event.preventDefault();
    move(Math.max(row.min, Math.min(row.max, row.get(face.z, face.strengths) + (by * (row.max - row.min)) / 60)));
  };
  row.number.onchange = () => {
    const value = Number(row.number.value);
    if (row.number.value.trim() && Math.abs(value) <= MOST) move(value);
    else {
      say(`${row.label}: expected a number from -1,000,000 to 1,000,000`, true);
      row.number.value = short(row.get(face.z, face.strengths));
    }
  };
  row.item = element("li", { className: "row" }, [name, row.slider, row.number, row.reset, lock]);
  return row.item;
}

function labelRows(names) {
  const rows = names.map((name, i) => {
    const buttons = [["without", -1], ["unknown", 0], ["with", 1]].map(([text, code]) => {
      const button = element("button", { type: "button", textContent: text });
      button.dataset.code = code;
      button.onclick = () => {
        const codes = Float32Array.from(face.codes);
        codes[i] = code;
        move(face.z, { codes });
        remember();
      };
      return button;
    });
    const group = element("div", { role: "group" }, buttons);
    group.setAttribute("aria-label", name);
    return element("li", { className: "row" }, [element("span", { textContent: name }), group]);
  });
  return element("ul", { className: "rows labels" }, rows);
}

function showValues({ z, strengths, start, codes }) {
  if (panel.labels)
    document.querySelectorAll(".labels .row").forEach((row, i) => {
      row.classList.toggle("changed", codes[i] !== start.codes[i]);
      for (const button of row.querySelectorAll("button"))
        button.setAttribute("aria-pressed", String(Number(button.dataset.code) === codes[i]));
    });
  for (const row of panel.rows ?? []) {
    const [value, before] = [row.get(z, strengths), row.get(start.z, {})];
    const differs = Math.abs(value - before) > 1e-3 * (row.max - row.min);
    row.slider.value = value;
    row.slider.setAttribute("aria-valuetext", short(value) + (differs ? ", changed" : ""));
    if (document.activeElement !== row.number) row.number.value = short(value);
    row.item.classList.toggle("changed", differs);
    row.reset.disabled = !differs;
  }
}

function statisticsTable(table) {
  const columns = ["influence", "mean", "sd", "min", "max", "zero_share"].filter((name) => table[name]);
  const header = ["dimension", ...columns.map((name) => name.replace("_", " ")), "histogram"];
  const order = table.rank.map((_, i) => i).sort((i, j) => table.rank[i] - table.rank[j]);
  const rows = order.map((i) =>
    element("tr", {}, [
      element("th", { textContent: columnName(i) + (table.dead[i] ? " (dead)" : ""), scope: "row" }),
      ...columns.map((name) => element("td", { textContent: short(table[name][i]) })),
      element("td", {}, table.bins ? [histogram(table.bins[i])] : []),
    ]),
  );
  const titles = element("tr", {}, header.map((text) => element("th", { textContent: text, scope: "col" })));
  const made = element("table", {}, [element("thead", {}, [titles]), element("tbody", {}, rows)]);
  const box = element("div", { className: "scroll", tabIndex: 0, role: "region" }, [made]);
  box.setAttribute("aria-label", "Statistics of the dimensions over the training faces");
  return box;
}

function histogram(counts) {
  const most = Math.max(...counts);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${counts.length} 1`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "histogram");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", `M0 1${counts.map((count, i) => `V${1 - count / most}H${i + 1}`).join("")}V1Z`);
  svg.append(path);
  return svg;
}

$("search").oninput = () => {
  const wanted = $("search").value.toLowerCase().replaceAll(/[\s_]/g, "");
  for (const row of panel.rows ?? [])
    row.item.hidden = !row.label.toLowerCase().replaceAll(/[\s_]/g, "").includes(wanted);
};
