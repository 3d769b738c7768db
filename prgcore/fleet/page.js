// The page of a fleet: finds a group in the lists of the page, and opens its class.
const box = document.getElementById("said");
const found = document.getElementById("found");
const count = document.getElementById("count");
const MOST = 30;

const groups = [...document.querySelectorAll("[data-group]")].map((at) => ({
  at,
  said: at.dataset.group.toLowerCase(),
  text: at.textContent.toLowerCase(),
}));

function shown(group) {
  const fold = group.at.closest("details");
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `#${fold.id}`;
  link.textContent = group.at.dataset.group;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    fold.open = true;
    document.querySelectorAll(".here").forEach((one) => one.classList.remove("here"));
    group.at.classList.add("here");
    group.at.scrollIntoView({ block: "center" });
    group.at.tabIndex = -1;
    group.at.focus({ preventScroll: true });
  });
  item.append(link, `: ${fold.querySelector("summary b").textContent}`);
  const command = group.at.querySelector("code");
  if (command) {
    const said = document.createElement("code");
    said.textContent = command.textContent;
    item.append("; ", said);
  }
  return item;
}

function find() {
  const said = box.value.trim().toLowerCase();
  const here = said ? groups.filter((group) => group.text.includes(said)) : [];
  const rank = (group) => (group.said === said ? 0 : group.said.startsWith(said) ? 1 : 2);
  here.sort((one, other) => rank(one) - rank(other));
  found.replaceChildren(...here.slice(0, MOST).map(shown));
  const some = here.length > MOST ? `, the first ${MOST} are listed` : "";
  const are = here.length === 1 ? "1 group" : `${here.length.toLocaleString("en")} groups`;
  count.textContent = said ? `${are}${some}` : "";
}

box.addEventListener("input", find);
document.getElementById("find").hidden = false;
document.querySelectorAll(".classes a").forEach((link) => link.addEventListener("click", () => {
  document.querySelector(link.getAttribute("href")).open = true;
}));
