const root = document.documentElement;
const sections = [...document.querySelectorAll('section')];
const byId = (id) => document.getElementById(id);
const list = byId('list');
const title = document.title;
let at = 0;
root.classList.add('js');
history.scrollRestoration = 'manual';

function show(i) {
  sections[at].classList.remove('on', 'unfolds');
  at = Math.max(0, Math.min(sections.length - 1, i));
  const section = sections[at];
  section.classList.add('on', 'unfolds');
  document.title = section.getAttribute('aria-label') + ' - ' + title;
  byId('place').textContent = (at + 1) + ' / ' + sections.length;
  for (const link of list.querySelectorAll('a')) {
    if (link.hash === '#' + section.id) link.setAttribute('aria-current', 'step');
    else link.removeAttribute('aria-current');
  }
  // The browser goes to the fragment by itself, a little later.
  setTimeout(() => scrollTo(0, 0));
}
function go(i) {
  const to = sections[Math.max(0, Math.min(sections.length - 1, i))];
  if (to !== sections[at]) location.hash = to.id;
}
function fromHash() {
  const id = location.hash.slice(1);
  // A fragment that is not UTF-8 cannot be decoded; it is not a section's either.
  const is = (section) => section.id === id || encodeURIComponent(section.id) === id;
  show(sections.findIndex(is));
  open(false);
}
function open(on) {
  list.classList.toggle('on', on);
  byId('steps').setAttribute('aria-expanded', on);
  if (on) (list.querySelector('[aria-current]') || list).focus();
}
// Covers the panes of the step again, and lets them appear.
function unfold() {
  const section = sections[at];
  section.classList.remove('unfolds');
  void section.offsetWidth;
  section.classList.add('unfolds');
}
function chapter(by) {
  const of = (i) => sections[i].dataset.chapter;
  const firsts = sections.map((_, i) => i).filter((i) => i === 0 || of(i) !== of(i - 1));
  const here = firsts.findIndex((i) => of(i) === of(at));
  const back = by === -1 ? here - (firsts[here] === at ? 1 : 0) : here + by;
  go(firsts[Math.max(0, Math.min(firsts.length - 1, back))]);
}
function turn() {
  const isDark = getComputedStyle(root).colorScheme === 'dark'
    || (getComputedStyle(root).colorScheme !== 'light' ? matchMedia('(prefers-color-scheme: dark)').matches : false);
  root.style.colorScheme = isDark ? 'light' : 'dark';
}
const keys = {
  ArrowRight: () => go(at + 1), l: () => go(at + 1), n: () => go(at + 1), ' ': () => go(at + 1),
  ArrowLeft: () => go(at - 1), h: () => go(at - 1), p: () => go(at - 1), Backspace: () => go(at - 1),
  Home: () => go(0), g: () => go(0), End: () => go(sections.length - 1), G: () => go(sections.length - 1),
  '}': () => chapter(1), '{': () => chapter(-1),
  s: () => open(!list.classList.contains('on')), '/': () => open(true), Escape: () => open(false), t: turn,
  U: unfold, u: unfold,
};
addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  // A button or link in focus has its own use of these.
  const own = event.target.closest('button, a, summary') ? [' ', 'Enter'] : [];
  const key = keys[event.key];
  // Any key shows everything at once.
  sections[at].classList.remove('unfolds');
  if (!key || own.includes(event.key)) return;
  // What is longer than the window is read on first.
  if (event.key === ' ' ? root.scrollHeight > innerHeight + 1 : false) return;
  event.preventDefault();
  key();
});
addEventListener('hashchange', fromHash);
byId('back').onclick = () => go(at - 1);
byId('next').onclick = () => go(at + 1);
byId('steps').onclick = () => open(!list.classList.contains('on'));
byId('close').onclick = () => open(false);
byId('turn').onclick = turn;
fromHash();
