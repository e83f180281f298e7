/* Works on top of pages that work without it: keys, reveal, draft, ways out. */
(() => {
const d = document, h = d.documentElement, $ = (s, o = d) => o.querySelector(s)
const form = $('form[data-draft]'), exit = $('[data-exit]')
h.classList.add('js')

// Out: blank first, then away, and no way back to what was on the page.
const out = to => { h.replaceChildren(); location.replace(to) }
d.addEventListener('click', e => {
  const a = e.target.closest('[data-out]')
  if (a) { e.preventDefault(); out(a.href) }
})
addEventListener('pagehide', () => h.replaceChildren())
addEventListener('pageshow', e => e.persisted && location.reload())

// Five minutes without a touch cover the page; one key or tap uncovers it.
let idle
const covered = on => on === undefined ? h.classList.contains('covered') : h.classList.toggle('covered', on)
const wake = e => {
  if (covered() && e.key !== 'Shift') { covered(false); e.preventDefault(); e.stopImmediatePropagation() }
  clearTimeout(idle)
  idle = setTimeout(covered, 3e5, true)
}
if (exit) for (const t of ['keydown', 'pointerdown', 'load']) addEventListener(t, wake, true)

// Items that wait for an answer: data-when="name=value name=value".
const chosen = s => { const [n, v] = s.split('='); return $(`[name="${n}"][value="${v}"]:checked`) }
const reveal = () => d.querySelectorAll('[data-when]').forEach(f => {
  const all = f.dataset.when.split(' ')
  f.hidden = !('any' in f.dataset ? all.some(chosen) : all.every(chosen))
})
reveal()

// From the first yes on, every change is kept on the server.
let held = form && 'held' in form.dataset
form?.addEventListener('change', () => {
  reveal()
  held ||= !!$('[data-key=y]:checked', form)
  if (held) fetch(form.dataset.draft, {
    method: 'POST', keepalive: true, body: new URLSearchParams(new FormData(form))
  }).catch(() => {})
})

// Y, N and P answer the item in focus, or the next one without an answer.
const items = () => [...d.querySelectorAll('.item')].filter(f => !f.hidden && !f.closest('details:not([open])'))
const answer = e => {
  const item = e.target.closest('.item') || items().find(f => !$(':checked', f))
  const choice = item && $(`[data-key=${e.key.toLowerCase()}]`, item)
  if (!choice) return
  e.preventDefault()
  choice.click()
  const all = items(), next = all[all.indexOf(item) + 1]
  ;(next ? $('input', next) : $('.primary', form)).focus()
}
let shifts = 0, last = 0
addEventListener('keydown', e => {
  if (e.key === 'Shift') {
    shifts = e.repeat || e.timeStamp - last > 1000 ? 1 : shifts + 1
    last = e.timeStamp
    if (shifts > 2 && exit) out(exit.href)
    return
  }
  shifts = 0
  if (form && $('#keys')?.checked && /^[ynp]$/i.test(e.key) && !e.ctrlKey && !e.metaKey && !e.altKey &&
    !e.target.matches('select, input:not([type=radio], [type=checkbox])')) answer(e)
})
$('.mistakes')?.focus()
})()
