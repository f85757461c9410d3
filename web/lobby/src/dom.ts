type Child = Node | string | false | null | undefined
type Props = Record<string, string | number | boolean | ((e: never) => void) | undefined>

/** Makes an element: attributes by name, listeners as on…, true and false set and leave out. Texts stay texts, never markup. */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') e.addEventListener(name.slice(2), value as EventListener)
    else if (value === true) e.setAttribute(name, '')
    else if (value !== false && value !== undefined) e.setAttribute(name, String(value))
  }
  e.append(...children.filter(c => c !== false && c !== null && c !== undefined))
  return e
}

const icons = {
  mic: 'M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21',
  micOff: 'M9 9v2a3 3 0 0 0 4.6 2.5M15 10.500V6a3 3 0 0 0-5.9-.8M5.500 11a6.500 6.500 0 0 0 10 5.500M18.500 11a6.400 6.400 0 0 1-.6 2.700M12 17.500V21M4 4l16 16',
  camera: 'M4 6.500h9.500a1.500 1.500 0 0 1 1.500 1.500v8a1.500 1.500 0 0 1-1.500 1.500H4A1.500 1.500 0 0 1 2.500 16V8A1.500 1.500 0 0 1 4 6.500zM15 11l6-3.500v9L15 13',
  cameraOff: 'M8.500 6.500h5A1.500 1.500 0 0 1 15 8v5M15 16.200a1.500 1.500 0 0 1-1.500 1.300H4A1.500 1.500 0 0 1 2.500 16V8A1.500 1.500 0 0 1 4 6.500M15 11l6-3.500v9L17.500 14.500M4 3l16 18',
  share: 'M3.500 5h17v11h-17zM12 13.500V8M9.500 10.200 12 7.700l2.500 2.500M8 19.500h8',
  people: 'M9 11a3.200 3.200 0 1 0 0-6.400A3.200 3.200 0 0 0 9 11zM3 19.500c0-3.300 2.700-5.500 6-5.500s6 2.200 6 5.500M15.500 4.900a3.200 3.200 0 0 1 0 5.900M17.500 14.300c2.100.7 3.500 2.600 3.500 5.200',
  invite: 'M10 11a3.200 3.200 0 1 0 0-6.400A3.200 3.200 0 0 0 10 11zM3.500 19.500c0-3.300 2.900-5.500 6.500-5.500 1.400 0 2.700.3 3.700.9M18 13.500v6M15 16.500h6',
  leave: 'M14 4.500H6v15h8M11 12h10M17.500 8.500 21 12l-3.500 3.500',
  lock: 'M6.500 10.500h11v9h-11zM8.500 10.500V8a3.500 3.500 0 0 1 7 0v2.500',
  close: 'M6 6l12 12M18 6 6 18',
  alert: 'M12 3.500 21.500 20h-19zM12 10v4.500M12 17v.3',
  pin: 'M3.500 5h17v11h-17zM8 19.500h8',
} as const

export type Icon = keyof typeof icons

/** A drawn sign; what it means must stand beside it in words. */
export function icon(name: Icon): SVGSVGElement {
  const ns = 'http://www.w3.org/2000/svg'
  const svg = document.createElementNS(ns, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  svg.setAttribute('class', 'icon')
  const path = document.createElementNS(ns, 'path')
  path.setAttribute('d', icons[name])
  svg.append(path)
  return svg
}

/** Text for screen readers alone. */
export const unseen = (text: string) => el('span', { class: 'unseen' }, text)

/** Says something to screen readers, whatever has the focus. */
export function say(text: string): void {
  const spoken = document.getElementById('spoken')!
  spoken.textContent = ''
  // A live region is read when its text changes in a turn of its own.
  setTimeout(() => { spoken.textContent = text }, 50)
}

/** Puts a screen into the page and the focus onto its heading, as a new page would. */
export function show(title: string, screen: HTMLElement): void {
  document.title = title === 'Usher' ? title : `${title} · Usher`
  document.getElementById('app')!.replaceChildren(screen)
  const heading = screen.querySelector<HTMLElement>('h1')
  if (heading) {
    heading.tabIndex = -1
    heading.focus({ preventScroll: true })
  }
}
