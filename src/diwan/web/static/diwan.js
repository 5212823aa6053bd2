// What pages gain where scripts run: maps, and choosing in long forms. Without it everything still works.

async function maps(root) {
  const places = root.querySelectorAll("[data-map]:not([data-drawn])");
  if (places.length === 0) return;
  const { draw } = await import("./map.js");
  for (const place of places) draw(place);
}

function searches(root) {
  for (const set of root.querySelectorAll("fieldset[data-search]:not([data-ready])")) {
    set.dataset.ready = "";
    const ticks = [...set.querySelectorAll(".ticks .tick")];
    if (ticks.length < 9) continue;
    const find = document.createElement("input");
    find.type = "search";
    find.className = "find-in";
    find.placeholder = set.dataset.search;
    find.setAttribute("aria-label", set.dataset.search);
    find.addEventListener("input", (event) => {
      event.stopPropagation();
      const wanted = find.value.trim().toLowerCase();
      for (const tick of ticks) {
        tick.hidden = !tick.textContent.toLowerCase().includes(wanted) && !tick.querySelector("input").checked;
      }
    });
    find.addEventListener("change", (event) => event.stopPropagation());
    set.querySelector(".ticks").before(find);
  }
}

function policies(root) {
  for (const form of root.querySelectorAll(".label-form")) {
    const chosen = form.querySelector("[data-policy]:checked")?.value;
    for (const policy of form.querySelectorAll(".policy")) policy.hidden = policy.dataset.of !== chosen;
  }
}

function enhance(root) {
  maps(root);
  policies(root);
  searches(root);
}

// A menu that was opened closes with Escape, or when the reader goes elsewhere.
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.querySelector("details.me[open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  const open = document.querySelector("details.me[open]");
  if (open && !open.contains(event.target)) open.open = false;
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-policy]")) policies(document);
});

// When a list grew, whoever works by keyboard goes on where it was, and whoever listens is told.
let rows = 0;
document.addEventListener("click", (event) => {
  if (event.target.closest(".older a")) rows = document.querySelectorAll("#rows > .row").length;
});
document.addEventListener("htmx:after:swap", () => {
  enhance(document);
  const added = rows ? document.querySelectorAll("#rows > .row")[rows] : undefined;
  if (!added) return;
  rows = 0;
  added.querySelector("a").focus({ preventScroll: true });
  const said = document.getElementById("said");
  said.textContent = said.dataset.more;
});

// Where no list came, the link to older items stays and says so.
for (const failed of ["htmx:response:error", "htmx:error"]) {
  document.addEventListener(failed, (event) => {
    const said = event.target.closest?.(".older")?.querySelector("[role=alert]");
    if (said) said.hidden = false;
  });
}

enhance(document);
