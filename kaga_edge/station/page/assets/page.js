// The status page: shows what the stream says, counts the ages on, and says so when the stream stops.
// Texts come from the server; nothing is ever put in as HTML.
(() => {
  "use strict";
  const boot = JSON.parse(document.getElementById("content").textContent);
  const words = boot.strings;
  const lang = document.documentElement.lang;
  const byId = (id) => document.getElementById(id);
  const STALE_S = 7;
  const AGAIN_MS = 4000;

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "-");
  const say = (key, values = {}) => fill(words[key], values);
  const halfWidth = (typed) => typed.normalize("NFKC").trim();  // what a Japanese keyboard types as digits

  // --- building and changing the page ---

  const h = (tag, set = {}, ...inside) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(set)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value != null) made.setAttribute(name, value);
    }
    made.append(...inside.filter((one) => one != null));
    return made;
  };
  const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const mark = (node, name, value) => { if (node.getAttribute(name) !== value) node.setAttribute(name, value); };

  // --- ages: the server's number and what has passed here since; the phone's time of day is not asked ---

  const stamp = () => ({ p: performance.now(), d: Date.now() });
  // A sleeping phone stops the one clock, somebody setting the time moves the other.
  const passed = (since) => Math.max(performance.now() - since.p, Date.now() - since.d, 0) / 1000;
  let news = stamp();

  const span = (seconds) => {
    const s = Math.max(0, Math.round(seconds));
    for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60]]) {
      if (s >= 2 * length || (unit === "min" && s >= 60)) return say(`span.${unit}`, { n: Math.floor(s / length) });
    }
    return say("span.s", { n: s });
  };
  const age = (seconds) => (seconds == null ? words["age.never"] : say("age.ago", { span: span(seconds) }));

  // --- the band, the facts, the log ---

  let shown = boot.view;

  const showBand = () => {
    mark(byId("band"), "data-level", shown.level);
    put(byId("word"), shown.word);
    const says = byId("says");
    const now = shown.says.join("\n");
    if (says.dataset.now !== now) {
      says.dataset.now = now;
      says.replaceChildren(...shown.says.map((one) => h("li", {}, one)));
    }
  };

  const facts = new Map();
  const showFacts = () => {
    const list = byId("facts");
    for (const [key, made] of facts) {
      if (!shown.facts.some((one) => one.key === key)) { made.root.remove(); facts.delete(key); }
    }
    for (const fact of shown.facts) {
      let made = facts.get(fact.key);
      if (!made) {
        made = { dt: h("dt"), dd: h("dd") };
        made.root = h("div", {}, made.dt, made.dd);
        facts.set(fact.key, made);
        list.append(made.root);
      }
      made.root.className = fact.mood;
      put(made.dt, fact.label);
      put(made.dd, "age_s" in fact ? age(fact.age_s == null ? null : fact.age_s + passed(news)) : fact.value);
    }
  };

  const showLog = (log) => {
    byId("log").replaceChildren(
      ...(log.length ? log : [null]).map((one) =>
        one === null
          ? h("li", {}, words["page.events_none"])
          : h("li", { "data-mood": one.mood },
              h("time", { datetime: one.iso }, one.at),
              h("p", {}, h("strong", {}, one.title), " ", one.says))),
    );
  };

  // --- sensors ---

  const cards = new Map();
  let sparks = boot.spark;

  const SVG = "http://www.w3.org/2000/svg";
  const svg = (tag, set) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(set)) made.setAttribute(name, value);
    return made;
  };

  const drawSpark = (made, spark) => {
    mark(made.spark, "aria-label", spark.says);
    put(made.trend, spark.trend);
    const values = spark.value.filter((value) => value != null);
    const low = Math.min(...values), high = Math.max(...values);
    const first = spark.t[0], width = spark.t[spark.t.length - 1] - first || 1;
    let path = "", pen = "M";
    spark.value.forEach((value, at) => {
      if (value == null) { pen = "M"; return; }
      const x = ((spark.t[at] - first) / width) * 100;
      const y = high > low ? 28 - ((value - low) / (high - low)) * 24 : 16;
      path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
      pen = "L";
    });
    made.path.setAttribute("d", path);
  };

  const newCard = (sensor) => {
    const id = `s-${sensor.id}`;
    const made = {
      title: h("span"), name: h("span", { class: "quiet" }, sensor.id), tag: h("span", { class: "tag" }),
      care: h("span", { class: "tag", "data-mood": "warn", hidden: true }),
      value: h("span", { class: "value" }), unit: h("span", { class: "unit" }),
      spark: svg("svg", { class: "spark", viewBox: "0 0 100 32", preserveAspectRatio: "none", role: "img", "aria-label": words["page.spark_none"] }),
      path: svg("path", { d: "" }), age: h("span"), trend: h("span"), next: h("span", { class: "next" }),
      fault: h("div", { class: "fault", hidden: true }), panel: h("div", { class: "panel", id, hidden: true }),
    };
    made.spark.append(made.path);
    made.fold = h("button", { class: "fold", type: "button", "aria-expanded": "false", "aria-controls": id, onclick: () => unfold(sensor.id) },
      words.details, h("span", { class: "unseen" }, ` ${sensor.title} ${sensor.id}`));
    made.root = h("li", { class: "card" },
      h("div", { class: "top" }, h("h3", {}, made.title, made.name), h("div", { class: "tags" }, made.care, made.tag)),
      h("div", { class: "reading" }, h("p", { class: "number" }, made.value, made.unit), made.spark),
      h("p", { class: "foot" }, made.age, made.trend),
      h("p", { class: "foot" }, made.next),
      made.fault, made.fold, made.panel);
    cards.set(sensor.id, made);
    byId("cards").append(made.root);
    if (sparks[sensor.id]) drawSpark(made, sparks[sensor.id]);
    return made;
  };

  const showCards = () => {
    for (const [id, made] of cards) {
      if (!shown.sensors.some((one) => one.id === id)) { made.root.remove(); cards.delete(id); }
    }
    for (const sensor of shown.sensors) {
      const made = cards.get(sensor.id) ?? newCard(sensor);
      const old = sensor.age_s == null ? null : sensor.age_s + passed(news);
      mark(made.root, "data-mood", sensor.mood);
      made.root.classList.toggle("old", sensor.state !== "ok" || old == null || old > sensor.old_after_s);
      put(made.title, sensor.title);
      put(made.tag, sensor.quality);
      mark(made.tag, "data-mood", sensor.mood);
      made.care.hidden = !sensor.care;
      put(made.care, sensor.care ? `${words.caring} ${sensor.care}` : "");
      put(made.value, sensor.value);
      put(made.unit, sensor.unit);
      put(made.age, sensor.last_good ? `${sensor.last_good} ${age(old)}` : age(old));
      put(made.next, sensor.next);
      mark(made.next, "data-above", String(sensor.above));
      showFault(made.fault, sensor.error);
      if (made.show) made.show(sensor);
    }
  };

  const showFault = (box, error) => {
    const now = error ? error.code + error.title + error.mend : "";
    box.hidden = !error;
    if (box.dataset.now === now) return;
    box.dataset.now = now;
    box.replaceChildren(...(error ? [h("strong", {}, error.code), error.title, h("br"), `${error.label}: ${error.mend}`] : []));
  };

  // --- one sensor unfolded: chart, channels, facts, actions ---

  const unfold = (id) => {
    const made = cards.get(id);
    const open = made.panel.hidden;
    made.fold.setAttribute("aria-expanded", String(open));
    made.panel.hidden = !open;
    made.root.classList.toggle("open", open);
    if (made.chart) { made.chart.destroy(); made.chart = null; }
    made.panel.replaceChildren();
    made.show = null;
    if (open) fillPanel(made, shown.sensors.find((one) => one.id === id));
  };

  const fillPanel = (made, sensor) => {
    const rows = h("tbody");
    const doing = h("div");
    let acting = null;
    made.show = (now) => {
      const text = JSON.stringify(now.channels);
      if (rows.dataset.now !== text) {
        rows.dataset.now = text;
        rows.replaceChildren(...now.channels.map((one) => h("tr", {},
          h("th", { scope: "row" }, one.name), h("td", { class: "figure" }, `${one.value} ${one.unit}`), h("td", {}, one.quality))));
      }
      if (doing.dataset.now !== String(inside)) {
        doing.dataset.now = String(inside);
        acting = inside ? sensorActions(now) : null;
        doing.replaceChildren(...(acting ? acting.parts : [h("p", {}, words.locked, " ", h("a", { href: "#actions" }, words.to_pin))]));
      }
      acting?.show(now);
    };
    made.panel.append(
      chartOf(made, sensor),
      h("h3", {}, words.channels),
      h("table", {}, h("thead", {}, h("tr", {}, ...[words.channel, words.value, words.quality].map((one) => h("th", { scope: "col" }, one)))), rows),
      h("h3", {}, words.about),
      h("dl", { class: "about" }, ...sensor.about.flatMap(([label, text]) => [h("dt", {}, label), h("dd", {}, text)])),
      h("h3", {}, words.actions), doing);
    made.show(sensor);
  };

  let chartCode = null;
  const withChartCode = () => {
    chartCode ??= new Promise((done, failed) => {
      document.head.append(h("script", { src: `/chart.js?v=${document.body.dataset.digest}`, onload: done, onerror: () => { chartCode = null; failed(); } }));
    });
    return chartCode;
  };

  const chartOf = (made, sensor) => {
    const box = h("div", { class: "plot", role: "img", "aria-label": words.chart });
    const note = h("p", { class: "note", role: "status" });
    let hours = 24, channel = sensor.channels[0]?.id;
    const draw = async () => {
      try {
        const answer = await fetch(`/api/series?${new URLSearchParams({ sensor: sensor.id, channel, hours, lang })}`);
        const series = await answer.json();
        if (!answer.ok) throw new Error(series.error.title);
        await withChartCode();
        if (made.panel.hidden || !box.isConnected) return;
        if (made.chart) made.chart.destroy();
        made.chart = null;
        const values = series.value.filter((value) => value != null);
        put(note, values.length ? "" : words.chart_empty);
        const name = sensor.channels.find((one) => one.id === channel)?.name ?? "";
        const range = values.length ? `${Math.min(...values)} - ${Math.max(...values)}` : words.chart_empty;
        mark(box, "aria-label", `${words.chart}: ${name}, ${periods[hours]}, ${range}`);
        if (values.length) made.chart = window.kagaChart(box, series, hours);
      } catch {
        put(note, words.chart_failed);
      }
    };
    const periods = { 3: say("hours", { n: 3 }), 24: say("hours", { n: 24 }), 168: say("days", { n: 7 }) };
    const pick = [3, 24, 168].map((one) => h("button", { type: "button", "aria-pressed": String(one === hours), onclick: (event) => {
      hours = one;
      for (const button of pick) button.setAttribute("aria-pressed", String(button === event.currentTarget));
      draw();
    } }, periods[one]));
    const choose = h("select", { onchange: (event) => { channel = event.target.value; draw(); } },
      ...sensor.channels.map((one) => h("option", { value: one.id }, one.name)));
    draw();
    return h("div", {},
      h("div", { class: "row" },
        sensor.channels.length > 1 ? h("label", {}, words.channel, choose) : null,
        h("div", { class: "row", role: "group", "aria-label": words.span }, ...pick)),
      box, note);
  };

  // --- acting: behind the PIN ---

  let inside = boot.inside;

  const post = async (path, body) => {
    const answer = await fetch(`${path}?lang=${lang}`, {
      method: "POST", headers: { "Content-Type": "application/json", "X-Kaga-Edge": "1" }, body: JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  };

  // Runs one action and says in `note` what came of it; returns the answer, or null when it failed.
  const act = async (note, body, done) => {
    mark(note, "data-mood", "");
    put(note, words.working);
    try {
      const { status, body: answer } = await post("/api/do", body);
      if (status === 401) { setInside(null); put(byId("pin-note"), words.ended); return null; }
      if (answer.error) {
        mark(note, "data-mood", "bad");
        put(note, `${words.failed}: ${answer.error.what || answer.error.title} (${answer.error.code})`);
        return null;
      }
      mark(note, "data-mood", done ? "good" : "");
      put(note, done ? (typeof done === "function" ? done(answer) : done) : "");
      return answer;
    } catch {
      mark(note, "data-mood", "bad");
      put(note, `${words.failed}: ${words.unreachable}`);
      return null;
    }
  };

  const button = (text, onclick, main) => h("button", { type: "button", class: main ? "main" : null, onclick }, text);
  const newNote = () => h("p", { class: "note", role: "status" });

  const readings = (answer) =>
    answer.readings.map((one) => say("read_is", one)).join(", ") + ` - ${words.read_took}`;

  const careForm = (note, sensor, title) => {
    const minutes = h("select", {}, ...[30, 60, 120, 240].map((n) => h("option", { value: n, selected: n === 60 }, say("minutes", { n }))));
    const why = h("input", { maxlength: 80, autocomplete: "off" });
    return h("form", { onsubmit: (event) => {
      event.preventDefault();
      act(note, { action: "care_on", sensor, minutes: Number(minutes.value), why: why.value }, words.care_done);
    } }, h("label", {}, words.how_long, minutes), h("label", {}, words.why, why), h("button", { type: "submit" }, title));
  };

  const sensorActions = (sensor) => {
    const note = newNote();
    const sure = h("div");
    const id = sensor.id;
    const stop = () => {
      const why = h("input", { maxlength: 80, required: true, autocomplete: "off" });
      sure.replaceChildren(h("p", { class: "note", "data-mood": "bad" }, words.stop_sure), h("form", { onsubmit: async (event) => {
        event.preventDefault();
        if (await act(note, { action: "stop", sensor: id, why: why.value }, words.stop_done)) sure.replaceChildren();
      } }, h("label", {}, words.why, why), h("button", { type: "submit", class: "main" }, words.stop_yes), button(words.cancel, () => sure.replaceChildren())));
      why.focus();
    };
    // What depends on the sensor's state is made anew when that changes; a calibration in hand stays as it is.
    const usual = h("div");
    const show = (now) => {
      const state = `${now.care !== null}|${now.state === "stopped"}`;
      if (usual.dataset.now === state) return;
      usual.dataset.now = state;
      const here = usual.contains(document.activeElement);  // the keyboard's place is not lost
      usual.replaceChildren(...[
        h("div", { class: "row" },
          button(words.read, () => act(note, { action: "read", sensor: id }, readings), true),
          now.state === "stopped"
            ? button(words.start, () => act(note, { action: "start", sensor: id }, words.start_done))
            : button(words.stop, stop),
          now.care ? button(words.care_end, () => act(note, { action: "care_off", sensor: id }, words.care_ended)) : null),
        now.care ? null : careForm(note, id, words.care),
      ].filter((one) => one !== null));
      if (here) usual.querySelector("button").focus();
    };
    const parts = [usual, sure, note];
    if (sensor.channels.some((one) => one.can)) parts.push(calibration(id));
    return { parts, show };
  };

  const calibration = (sensor) => {
    const note = newNote(), step = h("div"), compared = h("div");
    const undo = button(words.calibrate_undo, () => act(note, { action: "calibrate_undo", sensor }, words.calibrate_undone));
    const begin = async () => {
      compared.replaceChildren();
      step.replaceChildren();
      if (await act(note, { action: "calibrate_begin", sensor })) look();
    };
    const look = async () => {
      if (!step.isConnected) return;
      const found = await act(note, { action: "calibrate_look", sensor });
      if (!found) return;
      if (found.state === "measuring") {
        put(note, say("calibrate_measuring", found));
        setTimeout(look, 1000);
      } else if (found.state === "steady") {
        put(note, say("calibrate_steady", found));
        ask(found);
      } else if (found.state !== "none") {
        mark(note, "data-mood", "bad");
        put(note, say(`calibrate_${found.state}`, found));
      }
    };
    const ask = (found) => {
      const typed = h("input", { inputmode: "decimal", required: true, autocomplete: "off", size: 8 });
      step.replaceChildren(
        ...(found.last ? [h("p", { class: "quiet" }, say("calibrate_last", found.last))] : []),
        h("form", { onsubmit: async (event) => {
          event.preventDefault();
          const value = halfWidth(typed.value) ? Number(halfWidth(typed.value).replace(",", ".")) : NaN;
          const both = await act(note, { action: "calibrate_compare", sensor, true: Number.isFinite(value) ? value : null });
          if (both) keep(both, value, found.unit);
        } }, h("label", {}, say("calibrate_true", found), typed), h("button", { type: "submit" }, words.calibrate_compare)));
      typed.focus();
    };
    const keep = (both, value, unit) => {
      const pair = (label, figure) => [h("dt", {}, label), h("dd", {}, `${figure} ${unit}`)];
      const yes = button(words.calibrate_keep, async () => {
        if (await act(note, { action: "calibrate_keep", sensor, true: value }, words.calibrate_done)) {
          compared.replaceChildren();
          step.replaceChildren();
        }
      }, true);
      compared.replaceChildren(
        h("dl", { class: "before-after" }, ...pair(words.calibrate_before, both.before), ...pair(words.calibrate_after, both.after),
          ...pair(words.calibrate_offset, (both.offset > 0 ? "+" : "") + both.offset)),
        h("div", { class: "row" }, yes, button(words.cancel, () => compared.replaceChildren())));
      yes.focus();
    };
    return h("div", {}, h("h3", {}, words.calibrate), h("p", { class: "quiet" }, words.calibrate_why),
      h("div", { class: "row" }, button(words.calibrate_begin, begin), undo), note, step, compared);
  };

  const setInside = (who) => {
    inside = who;
    showActions();
    for (const sensor of shown.sensors) cards.get(sensor.id)?.show?.(sensor);
  };

  const showActions = () => {
    const box = h("div", { class: "box" });
    const note = h("p", { class: "note", role: "status", id: "pin-note" });
    byId("actions").replaceChildren(h("h2", { id: "h-actions", tabindex: "-1" }, words.actions), box);
    box.append(...(inside ? insideBox(note) : enterBox(note)));
  };

  const insideBox = (note) => [
    h("p", {}, say("inside", { who: inside })),
    shown.site_care
      ? h("div", { class: "row" }, button(words.care_end, () => act(note, { action: "care_off" }, words.care_ended)))
      : careForm(note, null, words.care_site),
    note,
    h("div", { class: "row" }, button(words.leave, async () => { await post("/api/leave", {}); setInside(null); })),
  ];

  const enterBox = (note) => {
    const who = h("input", { autocomplete: "name", maxlength: 40, id: "who" });
    const pin = h("input", { inputmode: "numeric", autocomplete: "one-time-code", maxlength: 9, size: 10, id: "pin" });
    const wrong = (text, field) => { mark(note, "data-mood", "bad"); put(note, text); field.focus(); };
    const enter = async (event) => {
      event.preventDefault();
      if (!who.value.trim()) return wrong(words.need_who, who);
      if (!/^\d{4}[ -]?\d{4}$/.test(halfWidth(pin.value))) return wrong(words.need_pin, pin);
      try {
        const { body } = await post("/api/enter", { who: who.value, pin: pin.value });
        if (body.who) { setInside(body.who); byId("h-actions").focus(); return; }
        wrong(body.locked_s ? say("shut", { span: span(body.locked_s) }) : say("wrong", { left: body.wrong ?? 0 }), pin);
      } catch { wrong(`${words.failed}: ${words.unreachable}`, pin); }
    };
    return [h("p", { class: "quiet" }, words.locked),
      h("form", { onsubmit: enter }, h("label", {}, words.who, who), h("label", {}, words.pin, pin), h("button", { type: "submit", class: "main" }, words.enter)),
      note];
  };

  // --- the stream, and being honest when it stops ---

  let source = null;
  const listen = () => {
    source?.close();
    source = new EventSource(`/events?lang=${lang}`);
    source.addEventListener("view", (event) => {
      const care = shown.site_care;
      shown = JSON.parse(event.data);
      news = stamp();
      show();
      if (inside && care !== shown.site_care) showActions();
    });
    source.addEventListener("spark", (event) => {
      sparks = JSON.parse(event.data);
      for (const [id, spark] of Object.entries(sparks)) if (cards.has(id)) drawSpark(cards.get(id), spark);
    });
    source.addEventListener("log", (event) => showLog(JSON.parse(event.data)));
    // The browser goes on trying when the line breaks; not when it was told no.
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MS); };
  };

  const showStale = () => {
    const old = passed(news);
    const left = shown.left_s - old;
    const stale = old > STALE_S || shown.gone_s !== null;
    document.body.classList.toggle("stale", stale);
    const box = byId("stale");
    put(byId("stale-word"), left < 0 ? words.over : shown.gone_s !== null && old <= STALE_S ? words["page.state.gone"] : words.stale);
    put(byId("stale-says"), say("stale_for", { age: age(shown.gone_s === null ? old : old + shown.gone_s) }));
    if (box.hidden === stale) box.hidden = !stale;
    put(byId("closes"), left > 0 ? say("closes", { span: span(left) }) : "");
  };

  const show = () => { showBand(); showFacts(); showCards(); showStale(); };

  showLog(boot.log);
  show();
  showActions();
  listen();
  setInterval(() => { showFacts(); showCards(); showStale(); }, 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && passed(news) > STALE_S) listen(); });
  // Chosen language stays while the anchor is followed.
  byId("language").addEventListener("click", () => { byId("language").search = `?lang=${byId("language").hreflang}`; });
})();
