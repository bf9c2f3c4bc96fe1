// The console in the browser: charts, the keyboard, ticking rows. Every page reads without it.
"use strict";
(() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const count = (n) => Number(n).toLocaleString("en");
  const day = (ms) => new Date(ms).toISOString().slice(0, 10);
  const many = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const phone = () => innerWidth < 700;

  const look = () => ({
    ink: css("--ink"), soft: css("--soft"), line: css("--line"), sheet: css("--sheet"), hot: css("--hot"),
    calm: css("--calm"), edge: css("--edge"), accent: css("--accent"), others: css("--others"),
  });
  const frame = (l) => ({
    animation: false, textStyle: { color: l.ink, fontFamily: "system-ui, sans-serif" }, backgroundColor: "transparent",
    tooltip: {
      renderMode: "richText", confine: true, backgroundColor: l.sheet, borderColor: l.edge,
      textStyle: { color: l.ink, fontSize: 13 },
    },
  });
  const timeAxis = (l) => ({
    type: "time", axisLabel: { color: l.soft, hideOverlap: true, formatter: "{MMM} {d}" },
    axisLine: { lineStyle: { color: l.edge } }, splitLine: { show: false },
  });
  const countAxis = (l, name) => ({
    type: "value", name, nameTextStyle: { color: l.soft, align: "left" }, minInterval: 1,
    axisLabel: { color: l.soft, formatter: (v) => (v >= 1e6 ? v / 1e6 + "M" : v >= 1e3 ? v / 1e3 + "k" : v) },
    splitLine: { lineStyle: { color: l.line } },
  });
  const hours = (step) => (step === 36e5 ? "hour" : step % 864e5 ? `${step / 36e5} hours` : step === 864e5 ? "day" : `${step / 864e5} days`);

  const MARKS = { release: "diamond", suspension: "triangle", succession: "roundRect", decision: "pin" };
  const GROUP = "many";
  const SHORT = 5;

  const charts = {
    traffic(data, l) {
      if (!data.series.length && !data.everybody.length) return null;
      const at = (values) => [...values, values.at(-1)].map((v, i) => [data.start + i * data.step, v]);
      const shade = (s, x, y, stack) => ({
        name: s.name, type: "line", step: "end", stack, symbol: "none", lineStyle: { width: 0 }, color: s.color,
        areaStyle: { color: s.color, opacity: 0.92 }, xAxisIndex: x, yAxisIndex: y, data: at(s.values), emphasis: { focus: "series" },
      });
      const total = data.series.reduce((sum, s) => s.values.map((v, i) => v + (sum[i] || 0)), []);
      const legend = $("#traffic-legend");
      if (legend) {
        legend.replaceChildren(...[...data.series, { name: "all other customers", color: l.others, url: "" }].map((s) => {
          const item = document.createElement("li");
          const inner = document.createElement(s.url ? "a" : "span");
          if (s.url) inner.href = s.url;
          const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
          svg.setAttribute("width", "12"); svg.setAttribute("height", "12"); svg.setAttribute("aria-hidden", "true");
          const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
          for (const [k, v] of Object.entries({ width: 12, height: 12, rx: 2, fill: s.color })) box.setAttribute(k, v);
          svg.append(box); inner.append(svg, " " + s.name); item.append(inner);
          return item;
        }));
      }
      return {
        ...frame(l),
        tooltip: { ...frame(l).tooltip, trigger: "axis", formatter: (points) => {
          const lines = [new Date(points[0].value[0]).toISOString().slice(0, 16).replace("T", " ") + " UTC"];
          for (const p of points.filter((q) => q.value[1] > 0).slice(0, 9)) lines.push(`${p.seriesName.slice(0, 44)}: ${count(p.value[1])}`);
          return lines.join("\n");
        } },
        axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: l.edge } },
        grid: [{ left: 56, right: 18, top: 38, height: "46%" }, { left: 56, right: 18, top: "68%", bottom: 34 }],
        xAxis: [{ ...timeAxis(l), gridIndex: 0, axisLabel: { show: false } }, { ...timeAxis(l), gridIndex: 1 }],
        yAxis: [
          { ...countAxis(l, `Campaigns, exchanges per ${hours(data.step)}`), gridIndex: 0 },
          { ...countAxis(l, "All traffic"), gridIndex: 1, splitNumber: 2 },
        ],
        series: [
          ...data.series.map((s) => shade(s, 0, 0, "campaigns")),
          shade({ name: "all campaigns", color: l.accent, values: total }, 1, 1, "all"),
          shade({ name: "all other customers", color: l.others, values: data.everybody }, 1, 1, "all"),
        ],
      };
    },

    waterfall(steps, l, box) {
      if (!steps.length) return null;
      box.classList.add(steps.length > 14 ? "rows-l" : steps.length > 7 ? "rows-m" : "rows-s");
      const color = { for: l.hot, against: l.calm, rest: l.others, start: l.edge, total: l.accent };
      const words = { for: "speaks for it", against: "speaks against it", rest: "", start: "", total: "" };
      const low = (s) => Math.min(s.from, s.to);
      const reach = Math.max(...steps.map((s) => Math.max(s.from, s.to)), 1);
      const depth = Math.min(...steps.map(low), -1);
      return {
        ...frame(l),
        tooltip: { ...frame(l).tooltip, formatter: (p) => {
          const s = steps[p.dataIndex];
          return [`${s.name}: ${s.bits >= 0 ? "+" : ""}${s.bits.toFixed(1)} bits ${words[s.side]}`, ...s.signals].join("\n");
        } },
        grid: { left: phone() ? 120 : 220, right: 84, top: 34, bottom: 26 },
        yAxis: {
          type: "category", inverse: true, data: steps.map((s) => s.name), axisTick: { show: false },
          axisLine: { show: false }, axisLabel: { color: l.ink, width: phone() ? 108 : 205, overflow: "truncate", interval: 0 },
        },
        series: [{
          type: "custom", encode: { x: [1, 2], y: 0 },
          data: steps.map((s, i) => [i, s.from, s.to]),
          renderItem: (params, api) => {
            const s = steps[params.dataIndex];
            const a = api.coord([s.from, params.dataIndex]);
            const b = api.coord([s.to, params.dataIndex]);
            const tall = Math.min(api.size([0, 1])[1] * 0.62, 24);
            const left = Math.min(a[0], b[0]);
            const wide = Math.max(Math.abs(b[0] - a[0]), 1.5);
            const next = params.dataIndex + 1 < steps.length - 1 ? api.size([0, 1])[1] : 0;
            return { type: "group", children: [
              { type: "rect", shape: { x: left, y: a[1] - tall / 2, width: wide, height: tall, r: 2 },
                style: { fill: color[s.side], lineDash: s.side === "rest" ? [3, 2] : null, stroke: s.side === "rest" ? l.edge : null } },
              { type: "line", shape: { x1: b[0], y1: b[1] + tall / 2, x2: b[0], y2: b[1] - tall / 2 + next }, style: { stroke: l.edge, opacity: next ? 1 : 0 } },
              { type: "text", style: { text: `${s.bits >= 0 ? "+" : "−"}${Math.abs(s.bits).toFixed(1)}`, x: left + wide + 6, y: a[1], fill: l.ink, verticalAlign: "middle", font: "600 12px system-ui, sans-serif" } },
            ] };
          },
        }],
        xAxis: odds(l, depth, reach),
      };
    },

    timeline(data, l) {
      if (!data.values.length) return null;
      const end = data.start + data.values.length * data.step;
      const margin = (end - data.start) * 0.35;
      // A mark long before or after the traffic would squeeze it to a line; the list below holds all.
      const marks = data.marks.filter((m) => m.at >= data.start - margin && m.at <= end + margin);
      const kinds = [...new Set(marks.map((m) => m.kind))];
      const tone = { release: "#1d8a5a", suspension: l.hot, succession: "#c98a1b", decision: l.calm };
      const first = Math.min(data.start, ...marks.map((m) => m.at));
      return {
        ...frame(l),
        legend: { top: 4, right: 14, textStyle: { color: l.ink }, data: kinds, itemHeight: 11 },
        tooltip: { ...frame(l).tooltip, trigger: "item", formatter: (p) => (p.seriesType === "scatter" ? `${day(p.value[0])}\n${p.value[2]}` : `${new Date(p.value[0]).toISOString().slice(0, 16).replace("T", " ")} UTC\n${many(p.value[1], "exchange")}`) },
        grid: { left: 56, right: 18, top: 62, bottom: 34 },
        xAxis: { ...timeAxis(l), min: first - data.step, max: Math.max(end, ...marks.map((m) => m.at)) + data.step },
        yAxis: [countAxis(l, `Exchanges per ${hours(data.step)}`), { type: "value", min: 0, max: 1, show: false }],
        series: [
          { name: "exchanges", type: "bar", barCategoryGap: "8%", barMaxWidth: 48, color: l.accent, data: data.values.map((v, i) => [data.start + (i + 0.5) * data.step, v]) },
          ...kinds.map((kind, k) => ({
            name: kind, type: "scatter", yAxisIndex: 1, symbol: MARKS[kind] || "circle", symbolSize: kind === "decision" ? 22 : 15, color: tone[kind], z: 5,
            data: marks.filter((m) => m.kind === kind).map((m) => [m.at, 0.97 - 0.07 * k, m.says]),
            markLine: { symbol: "none", silent: true, label: { show: false }, lineStyle: { color: tone[kind], type: "dashed", opacity: 0.55 }, data: [...new Set(marks.filter((m) => m.kind === kind).map((m) => m.at))].slice(0, 40).map((at) => ({ xAxis: at })) },
          })),
        ],
      };
    },

    network(data, l, box) {
      if (!data.values.length) return null;
      const palette = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c6d1f", "#7a6fd0", "#5f6770"];
      const most = Math.max(...data.values.map((v) => v.accounts), ...data.groups.map((g) => g.accounts), 1);
      const size = (n) => 9 + 38 * Math.sqrt(n / most);
      const side = phone() ? 40 : 190;
      const wide = Math.max(box.clientWidth - 2 * side, 120);
      const tall = Math.max(box.clientHeight - 110, 120);
      const rings = data.values.length;
      const place = (i, n, radius) => ({ x: wide / 2 + Math.cos((2 * Math.PI * i) / n - Math.PI / 2) * radius * wide, y: tall / 2 + Math.sin((2 * Math.PI * i) / n - Math.PI / 2) * radius * tall });
      const beside = (i) => { const turn = (2 * Math.PI * i) / rings - Math.PI / 2; const c = Math.cos(turn); return Math.abs(c) < 0.3 ? (Math.sin(turn) < 0 ? "top" : "bottom") : c < 0 ? "left" : "right"; };
      const values = data.values.map((v, i) => ({
        id: `v${i}`, name: v.name, value: v.accounts, category: v.kind, symbol: "circle", symbolSize: size(v.accounts), ...place(i, rings, 0.5), opens: v.opens,
        label: { show: !phone() || rings < 10, position: beside(i), formatter: () => (v.name.length > 44 ? `${v.name.slice(0, 43)}…` : v.name) },
      }));
      const spots = data.groups.map((g, i) => {
        const links = data.links.filter((k) => k.group === i);
        const weight = links.reduce((sum, k) => sum + k.accounts, 0) || 1;
        const x = links.reduce((sum, k) => sum + values[k.value].x * k.accounts, 0) / weight;
        const y = links.reduce((sum, k) => sum + values[k.value].y * k.accounts, 0) / weight;
        const turn = i * 2.399963;
        const out = 14 + 11 * Math.sqrt(i);
        return {
          id: `g${i}`, name: g.name, value: g.accounts, category: data.kinds.length, symbol: "rect", symbolSize: Math.min(size(g.accounts), 34), group: g.accounts > 1 ? GROUP : "",
          x: 0.62 * x + 0.38 * (wide / 2) + Math.cos(turn) * out, y: 0.62 * y + 0.38 * (tall / 2) + Math.sin(turn) * out,
          label: { show: data.groups.length < 16, formatter: () => g.name.slice(0, 24) },
        };
      });
      const heaviest = Math.max(...data.links.map((k) => k.accounts), 1);
      return {
        ...frame(l),
        tooltip: { ...frame(l).tooltip, formatter: (p) => (p.dataType === "edge" ? `${many(p.data.value, "account")}` : `${p.name}\n${many(p.value, "account")}${p.data.opens ? "\nchoose to open it up" : ""}`) },
        legend: { bottom: 2, type: "scroll", textStyle: { color: l.ink }, itemHeight: 10, pageTextStyle: { color: l.soft }, pageIconColor: l.ink, data: [...data.kinds, "accounts"] },
        series: [{
          type: "graph", layout: "none", left: side, right: side, top: 42, bottom: 68, roam: "move", draggable: true,
          categories: [...data.kinds.map((name, i) => ({ name, itemStyle: { color: palette[i % palette.length] } })), { name: "accounts", symbol: "rect", itemStyle: { color: l.soft } }],
          // Two corners that nobody sees keep a circle round: the picture is fitted to what it holds.
          data: [...values, ...spots, ...[[0, 0], [wide, tall]].map(([x, y], i) => ({ id: `c${i}`, name: "", x, y, symbolSize: 0, category: data.kinds.length, tooltip: { show: false }, label: { show: false } }))],
          edgeSymbol: "none",
          links: data.links.map((k) => ({ source: `g${k.group}`, target: `v${k.value}`, value: k.accounts, lineStyle: { width: 0.7 + 6 * Math.sqrt(k.accounts / heaviest), opacity: 0.34, curveness: 0.12, color: palette[data.values[k.value].kind % palette.length] } })),
          label: { color: l.ink, position: "right", fontSize: 11, textBorderColor: l.sheet, textBorderWidth: 3 },
          labelLayout: { hideOverlap: true },
          itemStyle: { borderColor: l.sheet, borderWidth: 1.2 }, emphasis: { focus: "adjacency", lineStyle: { opacity: 0.8 } },
        }],
      };
    },

    history(lines, l) {
      if (lines.length < 2) return null;
      return {
        ...frame(l),
        tooltip: { ...frame(l).tooltip, trigger: "axis", formatter: (p) => { const s = lines[p[0].dataIndex]; return `${s.at.slice(0, 16).replace("T", " ")}\nscore ${s.score === null ? "unknown" : (s.score > 99.9 ? "above 99.9" : s.score.toFixed(1))}\n${many(s.accounts, "account")}`; } },
        grid: { left: 50, right: 56, top: 36, bottom: 30 },
        xAxis: { type: "category", data: lines.map((s) => s.at.slice(0, 10)), axisLabel: { color: l.soft, hideOverlap: true }, axisLine: { lineStyle: { color: l.edge } } },
        yAxis: [
          { type: "value", name: "Score", min: 0, max: 100, nameTextStyle: { color: l.soft }, axisLabel: { color: l.soft }, splitLine: { lineStyle: { color: l.line } } },
          { ...countAxis(l, "Accounts"), nameTextStyle: { color: l.soft, align: "right" }, splitLine: { show: false } },
        ],
        series: [
          { name: "accounts", type: "bar", yAxisIndex: 1, color: l.others, barMaxWidth: 26, data: lines.map((s) => s.accounts) },
          { name: "score", type: "line", color: l.hot, lineStyle: { width: 2.5 }, symbolSize: 7, data: lines.map((s) => s.score), markLine: { silent: true, symbol: "none", lineStyle: { color: l.edge, type: "dotted" }, label: { color: l.soft, formatter: "reported from 55", position: "insideEndTop" }, data: [{ yAxis: 55 }] } },
        ],
      };
    },

    peers(data, l) {
      if (!data.accounts.length) return null;
      const mine = Math.max(0, data.edges.findLastIndex((e) => e <= Math.max(data.mine, 1)));
      const names = data.accounts.map((_, i) => (data.edges[i + 1] - 1 > data.edges[i] ? `${count(data.edges[i])} to ${count(data.edges[i + 1] - 1)}` : count(data.edges[i])));
      return {
        ...frame(l),
        tooltip: { ...frame(l).tooltip, formatter: (p) => `${p.name} exchanges\n${many(data.accounts[p.dataIndex], "account")}${p.dataIndex === mine ? `\nthis one sent ${count(data.mine)}` : ""}` },
        grid: { left: 56, right: 18, top: 36, bottom: 34 },
        xAxis: { type: "category", data: names, name: "", axisLabel: { color: l.soft, hideOverlap: true }, axisLine: { lineStyle: { color: l.edge } } },
        yAxis: countAxis(l, "Accounts that sent so many exchanges"),
        series: [{ type: "bar", barCategoryGap: "12%", data: data.accounts.map((n, i) => ({ value: n, itemStyle: { color: i === mine ? l.hot : l.others }, label: { show: i === mine, position: "top", color: l.ink, formatter: "this account" } })) }],
      };
    },
  };

  function odds(l, depth, reach) {
    const points = [[-6.64, "1 %"], [-3.17, "10 %"], [0, "50 %"], [3.17, "90 %"], [6.64, "99 %"]].filter(([b], i) => (!phone() || i % 2 === 0) && b >= depth && b <= reach);
    return [
      { type: "value", min: Math.floor(depth), max: Math.ceil(reach), axisLabel: { color: l.soft, formatter: (v) => (v > 0 ? "+" + v : v) }, name: "bits", nameTextStyle: { color: l.soft }, splitLine: { lineStyle: { color: l.line } } },
      { type: "value", min: Math.floor(depth), max: Math.ceil(reach), position: "top", name: "probability", nameTextStyle: { color: l.soft }, splitLine: { show: false }, axisLine: { show: false }, axisTick: { show: false }, interval: 1e9, axisLabel: { show: true, customValues: points.map(([b]) => b), color: l.soft, formatter: (v) => (points.find(([b]) => Math.abs(b - v) < 0.05) || [0, ""])[1] } },
    ];
  }

  const drawn = new Map();
  async function draw(box, url = box.dataset.src) {
    if (typeof echarts === "undefined") return;
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const data = await answer.json();
      const option = charts[box.dataset.chart](data, look(), box);
      if (!option) {
        drawn.get(box)?.dispose(); drawn.delete(box);
        box.className = "chart-fault"; box.textContent = "Nothing to draw here yet.";
        return;
      }
      const chart = drawn.get(box) || echarts.init(box, null, { renderer: "canvas" });
      chart.setOption(option, true);
      if (!drawn.has(box) && box.dataset.chart === "network") chart.on("click", (p) => { if (p.data && p.data.opens) open(box, p.name); });
      drawn.set(box, chart);
      chart.resize();
      chart.dispatchAction({ type: "downplay", seriesIndex: 0 });
      box.dataset.drawn = "yes";
    } catch (error) {
      box.className = "chart-fault"; box.textContent = "This chart could not be drawn; the table holds the same.";
      console.error(error);
    }
  }
  function open(box, value) {
    const bar = $(".network-open");
    draw(box, `${box.dataset.src}?value=${encodeURIComponent(value)}`);
    if (bar) { bar.hidden = false; $("strong", bar).textContent = `Only accounts that share ${value}`; }
    const url = new URL(location.href);
    url.searchParams.set("value", value);
    if (window.htmx && $("#accounts")) htmx.ajax("GET", url.pathname + url.search, { target: "#accounts", select: "#accounts", swap: "outerHTML" });
  }
  function back() {
    const box = $("[data-chart='network']");
    $(".network-open").hidden = true;
    draw(box);
    if (window.htmx && $("#accounts")) htmx.ajax("GET", location.pathname, { target: "#accounts", select: "#accounts", swap: "outerHTML" });
  }

  const seen = new IntersectionObserver((entries) => {
    for (const e of entries) if (e.isIntersecting) { seen.unobserve(e.target); draw(e.target); }
  }, { rootMargin: "400px" });
  const redraw = () => { for (const box of drawn.keys()) draw(box); };
  addEventListener("resize", () => { for (const chart of drawn.values()) chart.resize(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  // The keyboard: single keys where no field has the focus.
  let chord = 0;
  let at = -1;
  const typing = (e) => e.target.closest("input, textarea, select, [contenteditable], dialog") !== null;
  const sheetRows = () => all(".sheet tbody tr");
  function step(by) {
    const rows = sheetRows();
    if (!rows.length) return;
    rows[at]?.classList.remove("at");
    at = Math.min(Math.max(at + by, 0), rows.length - 1);
    rows[at].classList.add("at");
    rows[at].scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
    const link = $("a.name, th a, td a", rows[at]);
    if (link) link.focus({ preventScroll: true });
  }
  addEventListener("keydown", (e) => {
    if (e.key === "Escape" && e.target.matches("input, textarea")) { e.target.blur(); return; }
    if (typing(e) || e.ctrlKey || e.metaKey || e.altKey) return;
    const key = e.key;
    if (Date.now() - chord < 1200) {
      chord = 0;
      const link = $(`[data-go="${CSS.escape(key)}"]`);
      if (link) { e.preventDefault(); link.click(); }
      return;
    }
    if (key === "g") chord = Date.now();
    else if (key === "/") { e.preventDefault(); $("#find")?.focus(); }
    else if (key === "?") { e.preventDefault(); $("#keys")?.showModal(); }
    else if (key === "j") step(1);
    else if (key === "k") step(-1);
    else if (key === "f") { e.preventDefault(); ((sheetRows()[at] && $(".filter-field", sheetRows()[at].closest(".sheet"))) || $(".filter-field"))?.focus(); }
    else if (key === "x") { const box = sheetRows()[at] && $("input[name=only]", sheetRows()[at]); if (box) box.checked = !box.checked; }
  });

  // On a phone a table shows its first rows; the others are a touch away.
  function shorten(sheet) {
    const rows = all("tbody tr", sheet).length;
    if (rows <= SHORT || $(".more-rows", sheet) || sheet.dataset.whole) return;
    sheet.classList.add("short");
    const more = document.createElement("button");
    more.type = "button"; more.className = "more-rows"; more.textContent = `${count(rows - SHORT)} more`;
    more.addEventListener("click", () => {
      sheet.classList.remove("short"); sheet.dataset.whole = "yes"; more.remove();
      $("a, button", all("tbody tr", sheet)[SHORT])?.focus();
    });
    $(".scroll", sheet).after(more);
  }

  function dress(within) {
    for (const box of all(".chart[data-chart]", within)) if (!drawn.has(box)) seen.observe(box);
    for (const box of all(".tick-all", within)) { box.hidden = false; }
    for (const sheet of all(".sheet", within.parentElement || within)) shorten(sheet);
  }
  document.addEventListener("change", (e) => {
    if (e.target.matches(".tick-all")) for (const box of all("input[name=only]", e.target.closest("table"))) box.checked = e.target.checked;
  });
  document.addEventListener("click", (e) => {
    if (e.target.matches("#keys-link")) { e.preventDefault(); $("#keys").showModal(); }
    else if (e.target.matches(".network-back")) back();
    for (const menu of all(".export[open]")) if (!menu.contains(e.target)) menu.open = false;
  });
  document.addEventListener("htmx:afterSettle", (e) => { at = -1; dress(e.target.parentElement || document); });
  dress(document);
})();
