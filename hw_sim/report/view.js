// Knows which part of the run is shown and how hands move it: wheel, drag, fingers, keys; knows nothing of the drawing.

const LEAST_MS = 30000, TAP_PX = 5;

// `page` gets from, to and cursor. changed(): they did; hover(row canvas or null, x, y): something is pointed at.
function handle(page, stack, changed, hover, speak) {
  const { begin, end } = page.run;
  const least = Math.min(LEAST_MS, end - begin);

  function show(from, to) {
    const span = Math.min(end - begin, Math.max(least, to - from));
    const middle = (from + to) / 2;
    page.from = Math.min(Math.max(begin, middle - span / 2), end - span);
    page.to = page.from + span;
    changed();
  }
  const zoom = (factor, around = page.cursor ?? (page.from + page.to) / 2) => {
    const span = Math.min(end - begin, Math.max(least, (page.to - page.from) * factor));
    const share = (Math.min(page.to, Math.max(page.from, around)) - page.from) / (page.to - page.from);
    show(around - share * span, around + (1 - share) * span);
  };
  const move = (ms) => show(page.from + ms, page.to + ms);
  const point = (t) => {
    page.cursor = t === null ? null : Math.min(end, Math.max(begin, t));
    changed();
  };

  const box = (canvas) => canvas.getBoundingClientRect();
  const msPerPx = (canvas) => (page.to - page.from) / Math.max(1, canvas.clientWidth - page.gutter - 8);
  const timeAt = (canvas, clientX) => page.from + (clientX - box(canvas).left - page.gutter) * msPerPx(canvas);

  // The wheel turns the page over the strips, as everywhere; with Ctrl, or over the axis, it zooms.
  function wheel(event, always) {
    const canvas = event.target.closest("canvas");
    if (!canvas) return;
    const unit = event.deltaMode === 1 ? 16 : 1;
    const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
    if (event.ctrlKey || event.metaKey || (always && Math.abs(event.deltaY) >= Math.abs(event.deltaX) && !event.shiftKey)) {
      event.preventDefault();
      const whole = canvas.id === "overview";
      const factor = Math.exp(Math.max(-240, Math.min(240, event.deltaY * unit)) * (event.ctrlKey && !always ? 0.004 : 0.002));
      zoom(factor, whole ? undefined : timeAt(canvas, event.clientX));
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      move(sideways * unit * msPerPx(canvas));
    }
  }

  const fingers = new Map(); // pointer id -> {x, time under it when it came}
  let canvas = null, moved = false, startX = 0;

  function down(event) {
    const target = event.target.closest("canvas");
    if (!target || event.button) return;
    canvas = fingers.size ? canvas : target;
    moved = fingers.size > 0;
    startX = event.clientX;
    fingers.set(event.pointerId, { x: event.clientX, t: timeAt(canvas, event.clientX) });
    for (const finger of fingers.values()) finger.t = timeAt(canvas, finger.x);
    target.setPointerCapture(event.pointerId);
  }
  function drag(event) {
    const finger = fingers.get(event.pointerId);
    if (!finger) {
      const over = event.target.closest("canvas");
      if (event.pointerType !== "touch" && over) {
        point(timeAt(over, event.clientX));
        hover(over, event.clientX, event.clientY);
      }
      return;
    }
    finger.x = event.clientX;
    if (!moved && Math.abs(event.clientX - startX) < TAP_PX) return;
    moved = true;
    stack.classList.add("moving");
    hover(null);
    const [one, other] = [...fingers.values()];
    const { left, width } = box(canvas);
    const wide = width - page.gutter - 8;
    if (!other) {
      const span = page.to - page.from;
      const from = one.t - ((one.x - left - page.gutter) / wide) * span;
      show(from, from + span);
    } else if (Math.abs(one.x - other.x) > 12) {
      // The times that were under both fingers stay under them.
      const ms = Math.max(least / wide, (other.t - one.t) / (other.x - one.x));
      const from = one.t - (one.x - left - page.gutter) * ms;
      show(from, from + wide * ms);
    }
  }
  function up(event) {
    if (!fingers.delete(event.pointerId)) return;
    if (!moved && event.type === "pointerup") {
      point(timeAt(canvas, event.clientX));
      hover(canvas, event.clientX, event.clientY);
    }
    for (const finger of fingers.values()) finger.t = timeAt(canvas, finger.x);
    if (!fingers.size) stack.classList.remove("moving");
  }
  function leave(event) {
    if (event.pointerType === "touch" || fingers.size) return;
    point(null);
    hover(null);
  }

  function key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const span = page.to - page.from, step = span / (event.shiftKey ? 4 : 100);
    const side = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (side && event.shiftKey) move(side * step);
    else if (side) {
      point((page.cursor ?? (page.from + page.to) / 2) + side * step);
      if (page.cursor < page.from || page.cursor > page.to) move(side * span * 0.5);
      speak();
    } else if (event.key === "+" || event.key === "=") zoom(0.5);
    else if (event.key === "-" || event.key === "_") zoom(2);
    else if (event.key === "Home") show(begin, end);
    else if (event.key === "Escape") {
      point(null);
      hover(null);
    } else return;
    event.preventDefault();
  }

  return {
    show, zoom, move, key,
    // What `element` holds can be dragged and pointed at; `always`: the wheel alone zooms there.
    attach(element, always) {
      element.addEventListener("wheel", (event) => wheel(event, always), { passive: false });
      element.addEventListener("pointerdown", down);
      element.addEventListener("pointermove", drag);
      element.addEventListener("pointerup", up);
      element.addEventListener("pointercancel", up);
      element.addEventListener("pointerleave", leave);
      element.addEventListener("dblclick", (event) => {
        const over = event.target.closest("canvas");
        if (over) zoom(0.4, timeAt(over, event.clientX));
      });
    },
    // The strip of the whole run: its window is dragged, an edge of it pulled, elsewhere it is put.
    attachOverview(element) {
      let hold = null; // {from, to: the window when it was taken, x, part}
      const ms = () => (end - begin) / Math.max(1, element.clientWidth - page.gutter - 8);
      const x = (t) => box(element).left + page.gutter + (t - begin) / ms();
      element.addEventListener("wheel", (event) => wheel(event, true), { passive: false });
      element.addEventListener("pointerdown", (event) => {
        const grip = event.pointerType === "touch" ? 18 : 7;
        const part = Math.abs(event.clientX - x(page.from)) < grip ? "from" : Math.abs(event.clientX - x(page.to)) < grip ? "to" : "all";
        if (part === "all" && (event.clientX < x(page.from) || event.clientX > x(page.to))) {
          const t = begin + (event.clientX - x(begin)) * ms(), half = (page.to - page.from) / 2;
          show(t - half, t + half);
        }
        hold = { from: page.from, to: page.to, x: event.clientX, part };
        element.setPointerCapture(event.pointerId);
      });
      element.addEventListener("pointermove", (event) => {
        if (!hold) return;
        const by = (event.clientX - hold.x) * ms();
        if (hold.part === "all") show(hold.from + by, hold.to + by);
        else if (hold.part === "from") show(Math.max(begin, Math.min(hold.from + by, hold.to - least)), hold.to);
        else show(hold.from, Math.min(end, Math.max(hold.to + by, hold.from + least)));
      });
      for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, () => (hold = null));
    },
  };
}
