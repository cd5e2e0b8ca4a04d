"use strict";
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  if (!body || body.rows.length < 2) continue;
  const order = Array.from(body.rows);
  Array.from(table.tHead.rows[0].cells).forEach((cell, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = cell.textContent;
    button.title = "sort by this column";
    cell.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = cell.getAttribute("aria-sort") !== "ascending";
      for (const other of cell.parentNode.cells) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", up ? "ascending" : "descending");
      const text = (row) => (row.cells[column] ? row.cells[column].textContent : "");
      const rows = order.slice().sort((a, b) =>
        text(a).localeCompare(text(b), "en", { numeric: true }));
      body.replaceChildren(...(up ? rows : rows.reverse()));
    });
  });
}
