// Shortcuts, themes, dialogs and live parts of the pages. Every act also works without this file.
"use strict";
(() => {
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]") && target.type !== "range";
  let afterG = 0;

  // g + letter opens a screen; ? lists the shortcuts; j and k choose a card, a and r begin an act on it.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const now = Date.now();
    if (event.key === "g") { afterG = now; return; }
    if (now - afterG < 1500) {
      afterG = 0;
      const there = document.querySelector(`.menu a[data-letter="${CSS.escape(event.key)}"]`);
      if (there) { event.preventDefault(); there.click(); }
      return;
    }
    if (event.key === "?") { event.preventDefault(); open("shortcuts"); }
    if (event.key === "j") move(1);
    if (event.key === "k") move(-1);
    if (event.key === "a" || event.key === "r") act(event);
  });

  function open(id) {
    const dialog = document.getElementById(id);
    if (dialog && !dialog.open) dialog.showModal();
  }

  function move(step) {
    const items = [...document.querySelectorAll("[data-item]")];
    if (!items.length) return;
    const at = items.findIndex((item) => item.contains(document.activeElement));
    const next = items[Math.min(Math.max(at < 0 ? (step > 0 ? 0 : items.length - 1) : at + step, 0), items.length - 1)];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  function act(event) {
    const item = document.activeElement?.closest("[data-item]");
    const target = item?.querySelector(`[data-key="${event.key}"]`);
    if (!target) return;
    event.preventDefault();
    if (target.tagName === "DETAILS") { target.open = true; target.querySelector("input:not([type=hidden]), textarea, button")?.focus(); }
    else target.click();
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) open(opener.dataset.open);
    const theme = event.target.closest("[data-set-theme]")?.dataset.setTheme;
    if (theme) {
      document.documentElement.dataset.theme = theme;
      document.cookie = `aura_theme=${theme}; path=/; max-age=31536000; samesite=strict`;
      for (const each of document.querySelectorAll("[data-set-theme]")) each.setAttribute("aria-pressed", String(each.dataset.setTheme === theme));
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => { copy.textContent = "Copied"; }, () => {});
    for (const each of document.querySelectorAll("details.person[open]")) if (!each.contains(event.target)) each.open = false;
  });

  // The slider of positions: arrow keys move it, and the page of the chosen position opens after a short rest.
  let resting;
  document.addEventListener("input", (event) => {
    const slider = event.target.closest("input[data-slider]");
    if (!slider) return;
    const shown = document.getElementById(slider.getAttribute("aria-describedby"));
    if (shown) shown.textContent = Number(slider.value).toLocaleString("en");
    clearTimeout(resting);
    resting = setTimeout(() => {
      const url = new URL(location.href);
      if (Number(slider.value) >= Number(slider.max)) url.searchParams.delete("as_of");
      else url.searchParams.set("as_of", slider.value);
      url.hash = "slider";
      location.assign(url);
    }, 600);
  });
  document.addEventListener("keydown", (event) => {
    const slider = event.target.closest?.("input[data-slider]");
    if (!slider || !event.shiftKey || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    slider.value = Number(slider.value) + (event.key === "ArrowLeft" ? -10 : 10);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  });
  if (location.hash === "#slider") document.querySelector("input[data-slider]")?.focus();

  // Live parts: a notice of the stream asks for the parts again, but never while a person writes or decides.
  let waiting = false;
  const busy = () => document.querySelector("dialog[open], details.person[open], [data-hold][open]")
    || (document.activeElement && document.querySelector("main")?.contains(document.activeElement) && typing(document.activeElement));
  function refresh() {
    const main = document.getElementById("main");
    if (!main) return;
    if (busy()) { waiting = true; return; }
    waiting = false;
    main.dispatchEvent(new CustomEvent("aura:refresh"));
  }
  document.addEventListener("changed", refresh);
  document.addEventListener("end", () => location.reload());
  document.addEventListener("focusout", () => setTimeout(() => { if (waiting) refresh(); }, 300));

  // Opened details stay open when their part is swapped.
  let opened = [];
  document.addEventListener("htmx:before:swap", () => {
    opened = [...document.querySelectorAll("main details[open][id]")].map((each) => each.id);
  });
  document.addEventListener("htmx:after:swap", () => {
    for (const id of opened) { const each = document.getElementById(id); if (each) each.open = true; }
  });
})();
