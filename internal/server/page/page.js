'use strict'

const $ = id => document.getElementById(id)

// el makes an element. Text goes in as text nodes alone, so nothing pasted is ever read as HTML.
function el(name, attrs = {}, ...children) {
  const e = document.createElement(name)
  for (const [k, v] of Object.entries(attrs)) e.setAttribute(k, v)
  e.append(...children)
  return e
}

function copyButton(what, text) {
  const b = el('button', { type: 'button', 'aria-label': 'Copy ' + what }, 'Copy')
  b.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text)
      b.textContent = 'Copied'
    } catch {
      b.textContent = 'Select it and copy by hand'
    }
    setTimeout(() => { b.textContent = 'Copy' }, 2000)
  })
  return b
}

async function post(path, body) {
  const answer = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  return { ok: answer.ok, data: await answer.json() }
}

// submit sends a form by way of run, and keeps it from being sent twice. run
// returns one sentence, which is read out, and the elements to show below it.
function submit(form, result, run) {
  const [says, shows] = [result.querySelector('.says'), result.querySelector('.shows')]
  form.addEventListener('submit', async event => {
    event.preventDefault()
    clearFaults(form)
    const button = form.querySelector('button.main')
    button.disabled = true
    try {
      const [sentence, ...elements] = await run(new FormData(form))
      shows.replaceChildren(...elements)
      says.textContent = sentence
    } catch {
      shows.replaceChildren()
      says.textContent = 'The server does not answer. Is usher dev still running?'
    } finally {
      button.disabled = false
    }
  })
}

function clearFaults(form) {
  form.querySelectorAll('.fault').forEach(p => p.remove())
  form.querySelectorAll('[aria-invalid]').forEach(i => { i.removeAttribute('aria-invalid'); i.removeAttribute('aria-describedby') })
}

// showFaults puts each fault under its field, and returns what to say.
function showFaults(form, errors) {
  const rest = []
  let first
  for (const { property, reason } of errors) {
    const input = form.elements[property]
    if (!(input instanceof HTMLElement)) {
      rest.push(el('p', { class: 'fault' }, property + ' ' + reason + '.'))
      continue
    }
    const id = input.id + '-fault'
    input.setAttribute('aria-invalid', 'true')
    input.setAttribute('aria-describedby', id)
    input.closest('.field').append(el('p', { class: 'fault', id }, 'It ' + reason + '.'))
    first ??= input
  }
  first?.focus()
  return [errors.length === 1 ? 'Not done; one thing is wrong.' : `Not done; ${errors.length} things are wrong.`, ...rest]
}

const given = (data, names) => Object.fromEntries(names.map(n => [n, data.get(n)]).filter(([, v]) => v !== ''))

submit($('sign'), $('signed'), async data => {
  const body = given(data, ['sessionName', 'role', 'sessionPasscode', 'userKey', 'expirationSeconds'])
  const { ok, data: answer } = await post('/', body)
  if (!ok) return showFaults($('sign'), answer.errors)
  const { signature, expiresAt, role } = answer
  const [head, claims, mac] = signature.split('.')
  const name = JSON.stringify(body.sessionName)
  const snippet = [
    'await client.join(', '  ' + name + ',', '  signature,', '  "Your Name",',
    ...(body.sessionPasscode ? ['  ' + JSON.stringify(body.sessionPasscode) + ',' ] : []), ')',
  ].join('\n')
  const inspect = el('button', { type: 'button' }, 'Inspect')
  inspect.addEventListener('click', () => {
    $('token').value = signature
    $('joined').value = body.sessionName
    $('given').value = body.sessionPasscode ?? ''
    $('shown').value = ''
    $('inspect').requestSubmit()
    $('inspect-title').scrollIntoView({ block: 'nearest' })
  })
  return [
    `Signed for a ${role === 1 ? 'host' : 'participant'}; can be used until ${new Date(expiresAt * 1000).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })}.`,
    el('div', { class: 'bar' }, el('h3', {}, 'Signature'), el('div', {}, inspect, copyButton('the signature', signature))),
    el('div', { class: 'token' }, el('span', { class: 'head' }, head), '.', el('span', {}, claims), '.', el('span', { class: 'mac' }, mac)),
    el('div', { class: 'bar' }, el('h3', {}, 'Join with it'), copyButton('the code', snippet)),
    el('pre', {}, snippet),
  ]
})

const kinds = {
  error: ['Error', 'M8 1.2 15.2 14H.8zM8 5.6v4M8 11.6v.4'],
  warning: ['Warning', 'M8 1.5 14.5 8 8 14.5 1.5 8zM8 5v4M8 10.8v.4'],
  info: ['Note', 'M8 1.5a6.5 6.5 0 1 0 .01 0zM8 7.2v4M8 4.6v.4'],
}

function icon(path) {
  const ns = 'http://www.w3.org/2000/svg'
  const svg = document.createElementNS(ns, 'svg')
  for (const [k, v] of [['viewBox', '0 0 16 16'], ['fill', 'none'], ['stroke', 'currentColor'], ['stroke-width', '1.5'], ['aria-hidden', 'true']]) svg.setAttribute(k, v)
  const p = document.createElementNS(ns, 'path')
  p.setAttribute('d', path)
  svg.append(p)
  return svg
}

function finding({ severity, code, problem, remedy }) {
  const [word, path] = kinds[severity]
  return el('li', { class: severity },
    el('span', { class: 'kind' }, icon(path), word, el('code', {}, code)),
    el('p', {}, problem), ...(remedy ? [el('p', { class: 'remedy' }, remedy)] : []))
}

function verdict(faults, warnings) {
  if (faults > 1) return `${faults} faults; the first most likely explains the others.`
  if (faults === 1) return 'One fault.'
  return warnings === 0 ? 'Nothing is wrong with it.' : 'No fault, but read the warning' + (warnings > 1 ? 's.' : '.')
}

const checked = {
  'verified': 'The signature was made with this server’s SDK secret.',
  'not-verified': 'The signature was not made with this server’s SDK secret.',
  'not-checked': 'The signature could not be checked.',
}

submit($('inspect'), $('inspected'), async data => {
  data.set('token', data.get('token').replace(/\r?\n$/, '')) // the line break that comes with copying a line
  const { ok, data: report } = await post('/inspect', given(data, ['token', 'sessionName', 'passcode', 'errorShown']))
  if (!ok) return showFaults($('inspect'), report.errors)
  const count = severity => report.findings.filter(f => f.severity === severity).length
  return [
    verdict(count('error'), count('warning')),
    ...(report.signature in checked ? [el('p', {}, checked[report.signature])] : []),
    ...(report.findings.length ? [el('ul', { class: 'findings' }, ...report.findings.map(finding))] : []),
    ...['header', 'payload'].filter(part => part in report).map(part =>
      el('details', part === 'payload' ? { open: '' } : {}, el('summary', {}, part === 'payload' ? 'What it says' : 'Header'), el('pre', {}, JSON.stringify(report[part], null, 2)))),
  ]
})
