"use strict";
// each training's grids become one picture with a slider; without this script they are a strip to scroll
for (const player of document.querySelectorAll(".player")) {
  const frames = [...player.querySelectorAll("figure")];
  if (frames.length < 2) continue;
  const controls = document.createElement("div"), button = document.createElement("button");
  const slider = document.createElement("input");
  controls.className = "controls";
  button.type = "button";
  slider.type = "range";
  slider.min = 0;
  slider.max = frames.length - 1;
  slider.setAttribute("aria-label", player.getAttribute("aria-label"));
  let timer = null;
  const show = (number) => {
    frames.forEach((frame, i) => { frame.hidden = i !== number; });
    slider.value = number;
    slider.setAttribute("aria-valuetext", frames[number].querySelector("figcaption").textContent.trim());
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
  };
  const step = () => {
    if (Number(slider.value) < frames.length - 1) show(Number(slider.value) + 1);
    if (Number(slider.value) === frames.length - 1) stop();
  };
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(slider.value) === frames.length - 1) show(0);
    button.textContent = "Stop";
    timer = setInterval(step, 400);
  });
  controls.append(button, slider);
  player.append(controls);
  player.classList.add("on");
  player.removeAttribute("tabindex");
  stop();
  show(frames.length - 1);
}
// the section in view is marked in the list of sections
const marks = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
const headings = [...marks.keys()].map((id) => document.getElementById(id));
const mark = () => {
  const passed = headings.filter((heading) => heading.getBoundingClientRect().top < innerHeight / 3);
  const here = passed.length ? passed[passed.length - 1].id : null;
  for (const [id, link] of marks) {
    if (id === here) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
};
addEventListener("scroll", mark, { passive: true });
mark();
