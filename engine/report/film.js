// Third part: the film in hand. Zoom, pan, window and level; lines of the class map by key or button alone.
const EASY = { zoom: 1, x: 0, y: 0, width: 255, level: 127.5, invert: false };
const view = { ...EASY };
let shownFilm = null;

function showFilm() {
  const film = state.pick, small = film ? picture(film) : null;
  if (film !== shownFilm) Object.assign(view, EASY, { invert: view.invert });
  shownFilm = film;
  const large = film && small ? largePicture(film) : null;
  $("look").hidden = !film || !film.priority;
  $("stage").hidden = !small;
  $("nofilm").hidden = Boolean(small);
  $("nofilm").textContent = t(facts.pictures ? "no_picture" : "no_pictures");
  $("looktools").hidden = !small;
  $("mapbutton").hidden = !small || !small.map;
  $("smallonly").textContent = small ? t(large ? "not_to_diagnose" : "small_only") : "";
  $("smallonly").hidden = !small;
  if (small) {
    const image = $("film"), url = large ?? small.url;
    image.alt = fill("picture_of", { finding: t(film.finding) });
    if (image.src !== url) image.src = url;
  } else $("film").removeAttribute("src");
  fit();
  drawMap(small ? small.map : "");
}
function drawMap(map) {
  $("map").hidden = !state.map || !map;
  $("caveat").hidden = $("map").hidden;
  $("mapbutton").setAttribute("aria-pressed", state.map);
  if (!$("map").hidden) contours($("map"), map);
}
function contours(canvas, map) { // "WxH:" and two hex digits a place: evidence for pneumonia, 128 is none
  const [size, hex] = map.split(":");
  const [w, h] = size.split("x").map(Number);
  const at = (x, y) => Math.max(0, parseInt(hex.substr(2 * (Math.min(h - 1, Math.max(0, y)) * w + Math.min(w - 1, Math.max(0, x))), 2), 16) - 128) / 127;
  const N = 80, grid = [];
  for (let j = 0; j <= N; j++) for (let i = 0; i <= N; i++) { // between the middles of the places, evenly
    const x = (i / N) * w - 0.5, y = (j / N) * h - 0.5, x0 = Math.floor(x), y0 = Math.floor(y), u = x - x0, v = y - y0;
    grid.push((1 - v) * ((1 - u) * at(x0, y0) + u * at(x0 + 1, y0)) + v * ((1 - u) * at(x0, y0 + 1) + u * at(x0 + 1, y0 + 1)));
  }
  canvas.width = 1024;
  canvas.height = Math.max(1, Math.round((1024 * $("film").clientHeight) / Math.max(1, $("film").clientWidth)));
  const pen = canvas.getContext("2d"), sx = canvas.width / N, sy = canvas.height / N;
  for (const level of [0.25, 0.5, 0.75]) {
    pen.beginPath();
    for (let j = 0; j < N; j++) for (let i = 0; i < N; i++) { // marching squares
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]], cuts = [];
      corners.forEach(([x, y], k) => {
        const [x2, y2] = corners[(k + 1) % 4], a = grid[y * (N + 1) + x] - level, b = grid[y2 * (N + 1) + x2] - level;
        if (a < 0 !== b < 0) { const f = a / (a - b); cuts.push([(x + f * (x2 - x)) * sx, (y + f * (y2 - y)) * sy]); }
      });
      for (let k = 0; k + 1 < cuts.length; k += 2) { pen.moveTo(...cuts[k]); pen.lineTo(...cuts[k + 1]); }
    }
    pen.lineCap = "round";
    for (const [width, colour] of [[9, "#000a"], [2 + 4 * level, "#ffd54a"]]) { pen.lineWidth = width; pen.strokeStyle = colour; pen.stroke(); }
  }
}
function fit() { // the picture fills the panel as far as it goes
  const box = $("view"), image = $("film");
  if (!image.naturalWidth || !box.clientWidth) return;
  const scale = Math.min(box.clientWidth / image.naturalWidth, box.clientHeight / image.naturalHeight);
  $("stage").style.width = image.naturalWidth * scale + "px";
  $("stage").style.height = image.naturalHeight * scale + "px";
  lookAgain();
}
function lookAgain() {
  view.zoom = Math.min(12, Math.max(1, view.zoom));
  const stage = $("stage"), box = $("view");
  const roomX = Math.max(0, (stage.offsetWidth * view.zoom - box.clientWidth) / 2), roomY = Math.max(0, (stage.offsetHeight * view.zoom - box.clientHeight) / 2);
  view.x = Math.min(roomX, Math.max(-roomX, view.x));
  view.y = Math.min(roomY, Math.max(-roomY, view.y));
  stage.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`;
  const slope = (255 / view.width) * (view.invert ? -1 : 1), start = -(view.level - view.width / 2) / view.width;
  for (const channel of $("window").querySelectorAll("*")) if (channel.hasAttribute("slope")) {
    channel.setAttribute("slope", slope);
    channel.setAttribute("intercept", view.invert ? 1 - start : start);
  }
  const plain = view.width === EASY.width && view.level === EASY.level && !view.invert;
  $("film").style.filter = plain ? "none" : "url(#window)";
  $("invert").setAttribute("aria-pressed", view.invert);
  $("width").value = view.width;
  $("level").value = view.level;
  box.classList.toggle("near", view.zoom > 1);
}
function zoom(by, x = 0, y = 0) { // x, y: from the middle of the view, a point that stays where it is
  const before = view.zoom;
  view.zoom = Math.min(12, Math.max(1, before * by));
  view.x = x - ((x - view.x) * view.zoom) / before;
  view.y = y - ((y - view.y) * view.zoom) / before;
  lookAgain();
}
function pan(x, y) { view.x += x; view.y += y; lookAgain(); }
function invert() { view.invert = !view.invert; lookAgain(); }
function reset() { Object.assign(view, EASY); lookAgain(); }
function toggleMap() { state.map = !state.map; showFilm(); remember(); }
function full() {
  if (document.fullscreenElement) document.exitFullscreen();
  else $("look").requestFullscreen?.();
}
function openViewer() {
  $("viewerlink")?.click();
}

$("film").addEventListener("load", () => { fit(); if (state.map && shownFilm) drawMap(picture(shownFilm)?.map ?? ""); });
new ResizeObserver(fit).observe($("view"));
$("view").addEventListener("wheel", (event) => {
  const box = $("view").getBoundingClientRect();
  event.preventDefault();
  zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2);
}, { passive: false });
$("view").addEventListener("pointerdown", (event) => {
  if (event.button > 0 && event.button !== 2) return;
  const windowing = event.button === 2 || event.shiftKey; // as in viewers: the right button sets window and level
  $("view").setPointerCapture(event.pointerId);
  const drag = (move) => {
    if (windowing) { view.width = Math.min(255, Math.max(8, view.width + move.movementX)); view.level = Math.min(255, Math.max(0, view.level + move.movementY)); lookAgain(); }
    else pan(move.movementX, move.movementY);
  };
  const end = () => { $("view").removeEventListener("pointermove", drag); };
  $("view").addEventListener("pointermove", drag);
  $("view").addEventListener("pointerup", end, { once: true });
  $("view").addEventListener("pointercancel", end, { once: true });
});
$("view").addEventListener("contextmenu", (event) => event.preventDefault());
$("view").addEventListener("dblclick", reset);
$("width").oninput = () => { view.width = Number($("width").value); lookAgain(); };
$("level").oninput = () => { view.level = Number($("level").value); lookAgain(); };
for (const [id, act] of [["zoomin", () => zoom(1.4)], ["zoomout", () => zoom(1 / 1.4)], ["reset", reset], ["invert", invert], ["mapbutton", toggleMap], ["full", full]]) $(id).onclick = act;

function drawDetail() {
  showFilm();
  const film = state.pick, box = $("words");
  if (!film) return box.replaceChildren(el("p", "empty", t("nothing")));
  const parts = film.priority ? scoredWords(film) : [
    el("div", "verdict", chip("", t(film.status))), why(film),
    el("p", "soft", t(film.status === "failed" ? "failed_advice" : "skipped_advice"))];
  const list = el("dl", "facts");
  const [date, accession] = orderOf(film);
  const pairs = [["by_file", film.file], ["study_date", date], ["accession", accession], ["by_reason", film.code], ["study", film.study], ["series", film.series], ["sop", film.sop], ["by_bytes", sizeOf(film)], ["by_modified", when(film.modified)]];
  for (const [key, value] of pairs) if (value) list.append(el("dt", "", t(key)), el("dd", "", value));
  parts.push(list);
  const under = el("div", "under", copy("copy", film.file), film.study ? copy("copy_study", film.study) : null);
  const address = addressOf(film);
  if (address) {
    const link = viewerLink(address, "open_viewer");
    link.id = "viewerlink";
    under.prepend(link);
  }
  parts.push(under);
  box.replaceChildren(...parts);
}
function copy(key, text) {
  const node = button(t(key), () => navigator.clipboard?.writeText(text).then(() => (node.textContent = t("copied"))));
  return node;
}
function why(film) { // the run's own words stand behind the sentence where they say more than it does
  const said = sentence(film), more = looks.lang === "en" ? detailOf(film) : "";
  return el("p", "why", el("strong", "", said), said.toLowerCase().includes(more.toLowerCase()) ? null : el("span", "", " (" + more + ")"));
}
function scoredWords(film) {
  const verdict = el("div", "verdict", chip(film.priority), el("span", film.doubt ? "doubted" : "", t(film.finding)), el("span", "soft", decimal(film.pp, 3)));
  if (film.doubt) verdict.append(el("span", "badge", t("doubtful")));
  verdict.append(el("span", "push"), ...markButtons(film));
  const parts = [verdict];
  if (film.doubt) parts.push(el("p", "soft", t("not_to_decide")));
  if (film.reason) parts.push(why(film));
  if (film.waits) parts.push(el("p", "soft", fill("waits", { n: facts.wait })));
  parts.push(markTools(film), el("p", "soft", bandText(film)));
  const meters = el("div", "meters");
  [["pneumonia", film.pp, 3], ["bacteria", film.pb, 1], ["virus", film.pv, 2], ["normal", film.pn, 0]].forEach(([key, p, tone]) => {
    const meter = el("span", "meter"), bar = el("i", "c" + tone);
    bar.style.width = 100 * p + "%";
    meter.append(bar);
    if (tone === 3 && facts.points) for (const point of ["rule_out", "rule_in"]) {
      const tick = el("u");
      tick.style.left = `calc(${100 * facts.points[point].threshold}% - 1px)`;
      tick.title = `${t(point)} ${facts.points[point].threshold}`;
      meter.append(tick);
    }
    meters.append(el("span", "", t(key)), meter, el("span", "num", decimal(p, 3)));
  });
  parts.push(meters);
  const study = lists.get(studyOf(film));
  if (study.length > 1) {
    const strip = el("div", "strip");
    study.forEach((other, i) => {
      const node = button("", () => { state.pick = other; refresh(false); }), small = picture(other);
      node.id = "of-study" + i;
      node.className = other.priority;
      node.title = other.file;
      node.setAttribute("aria-label", `${i + 1}: ${t(other.priority)}`);
      if (other === film) node.setAttribute("aria-current", "true");
      if (small) { const img = el("img", "film"); img.alt = ""; img.src = small.url; node.append(img); } else node.append(String(i + 1));
      strip.append(node);
    });
    parts.push(el("h2", "soft strips", fill("films_of_study", { n: study.length })), strip);
  }
  const earlier = film.study && places[film.study]?.[2];
  if (earlier) parts.push(el("h2", "soft strips", t("earlier_study")), earlierStudy(earlier));
  return parts;
}
function earlierStudy(uid) { // the patient's study before this one: shown if it is in the list, else named
  const [here] = lists.get(uid) ?? [], small = here && picture(here);
  const box = el("div", "under earlier");
  if (here) {
    const node = button("", () => { state.pick = here; refresh(false); }), image = el("img", "film");
    if (small) { image.alt = ""; image.src = small.url; node.append(image); }
    node.className = "other " + here.priority;
    node.id = "earlier";
    const said = [orderOf(here)[0], t(here.priority), t(here.finding), decimal(here.pp, 3)];
    node.append(el("span", "", said.filter(Boolean).join(", ")));
    box.append(node);
  } else box.append(el("span", "soft", t("earlier_not_here")));
  const address = addressOf({ study: uid, series: "", sop: "" });
  if (address) box.append(viewerLink(address, "open_earlier"));
  box.append(copy("copy_study", uid));
  return box;
}
function viewerLink(address, words) {
  const link = el("a", "viewer", t(words));
  link.href = address; link.target = "_blank"; link.rel = "noopener noreferrer";
  return link;
}
function bandText(film) {
  if (!facts.points) return "";
  const { rule_out, rule_in } = facts.points;
  const values = { p: decimal(film.pp, 4), low: decimal(rule_out.threshold, 4), high: decimal(rule_in.threshold, 4) };
  if (film.p >= rule_in.threshold) return fill("why_urgent", values);
  if (film.doubt) return fill("why_doubt", values);
  return fill(film.p < rule_out.threshold ? "why_routine" : "why_review", values);
}
