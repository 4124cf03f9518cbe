"use strict";
(() => {
  const said = document.getElementById("said");
  const texts = new Intl.Collator("en", { numeric: true });

  const keyOf = (row, place) => row.cells[place].dataset.sort ?? row.cells[place].textContent.trim();

  const sort = (head) => {
    const table = head.closest("table"), body = table.tBodies[0], place = head.cellIndex;
    const isNumber = head.dataset.kind === "number", before = head.getAttribute("aria-sort");
    const down = before ? before === "ascending" : isNumber && !head.dataset.first;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const compare = (a, b) => isNumber ? Number(a) - Number(b) : texts.compare(a, b);
    const rows = [...body.rows].map((row) => [keyOf(row, place), row]);
    rows.sort(([a], [b]) => a === "" || b === "" ? (a === "") - (b === "") : down ? compare(b, a) : compare(a, b));
    body.append(...rows.map(([, row]) => row));
    const how = isNumber ? (down ? "largest first" : "smallest first") : (down ? "Z to A" : "A to Z");
    said.textContent = `${table.dataset.name}: sorted by ${head.textContent.trim()}, ${how}; rows without a value stand last.`;
  };

  for (const button of document.querySelectorAll("thead button")) {
    button.disabled = false;
    button.addEventListener("click", () => sort(button.closest("th")));
  }

  const form = document.getElementById("filters");
  const filter = () => {
    const wanted = Object.fromEntries([...form.querySelectorAll("select")].map((one) => [one.name, one.value]));
    const fits = (part) => Object.entries(wanted).every(
      ([name, value]) => !value || part.dataset[name] === undefined || part.dataset[name] === value);
    for (const part of document.querySelectorAll("[data-modality]")) part.hidden = !fits(part);
    for (const group of document.querySelectorAll("[data-group]")) {
      group.hidden = ![...group.querySelectorAll("[data-modality]")].some((part) => !part.hidden);
    }
    const rows = [...document.querySelectorAll(".board tbody tr")];
    const shown = rows.filter((row) => !row.hidden).length;
    said.textContent = `${shown} of ${rows.length} rows of the leaderboard shown; ranks are those among all rows of a target.`;
  };
  form.hidden = false;
  form.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));

  const open = () => {
    const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (place instanceof HTMLDetailsElement) { place.open = true; place.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of closed) one.open = false; });
})();
