// Draws one channel's history with uPlot, which stands above in this file. Loaded when a chart is opened.
(() => {
  "use strict";
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const local = (seconds) => uPlot.tzDate(new Date(seconds * 1000), document.body.dataset.zone);

  // Two digits, the site's own time; the date too when the period is long.
  const moment = (seconds, long) => {
    const at = local(seconds);
    const two = (n) => String(n).padStart(2, "0");
    const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
    return long ? `${at.getMonth() + 1}/${at.getDate()} ${clock}` : clock;
  };

  // Returns a chart in `box`; `hours` is the whole width whether or not there is something to show.
  window.kagaChart = (box, series, hours) => {
    const now = series.now / 1000;
    const long = hours > 24;
    const ink = colour("--quiet");
    const axis = { stroke: ink, grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: ink, width: 1 }, font: "12px system-ui" };
    const chart = new uPlot(
      {
        width: box.clientWidth,
        height: 230,
        cursor: { show: false },
        legend: { show: false },
        select: { show: false },
        tzDate: local,
        scales: { x: { time: true, min: now - hours * 3600, max: now } },
        axes: [
          { ...axis, space: long ? 90 : 60, values: (_, ticks) => ticks.map((tick) => moment(tick, long)) },
          { ...axis, size: 62 },
        ],
        series: [{}, { stroke: colour("--trace"), width: 2, points: { show: series.t.length < 60, size: 5 }, spanGaps: false }],
      },
      [series.t.map((at) => at / 1000), series.value],
      box,
    );
    const fit = new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height: 230 }));
    fit.observe(box);
    return { destroy: () => { fit.disconnect(); chart.destroy(); } };
  };
})();
