import { describe, expect, test } from 'vitest'
import { UsherError } from 'usher-client'
import { el } from '../src/dom.ts'
import { fit, initials } from '../src/grid.ts'
import { readLink, writeLink } from '../src/link.ts'
import { more, words } from '../src/words.ts'

describe('links', () => {
  test('carry what they are given, and nothing else', () => {
    const link = { invite: 'uki_a+b/c', session: 'Cool & fast cars', passcode: '#1 ?&=%' }
    const text = writeLink('https://usher.test/lobby/#session=old', link)
    expect(text.startsWith('https://usher.test/lobby/#')).toBe(true)
    expect(readLink(new URL(text).hash)).toEqual(link)
    expect(readLink('#session=&unknown=1')).toEqual({})
    expect(readLink('')).toEqual({})
  })
})

describe('words', () => {
  const refused = (code: string, more = {}) => new UsherError('refused', code, `Title of ${code}.`, { detail: 'Detail.', status: 403, ...more })

  test.each(['bad_signature', 'expired', 'not_yet_valid', 'wrong_session', 'wrong_passcode', 'wrong_role', 'removed', 'locked', 'full', 'ended', 'waiting_denied', 'too_many_requests', 'unavailable'])('there are some for %s', code => {
    const w = words(refused(code))
    expect(w.title).not.toBe(`Title of ${code}.`)
    expect(w.advice).not.toBe('')
  })

  test('no two refusals read the same', () => {
    const titles = ['bad_signature', 'expired', 'not_yet_valid', 'wrong_session', 'wrong_passcode', 'wrong_role', 'removed', 'locked', 'full', 'ended', 'waiting_denied'].map(c => words(refused(c)).title)
    expect(new Set(titles).size).toBe(titles.length)
  })

  test('a refusal that is not known is shown as the server says it', () => {
    expect(words(refused('brand_new'))).toEqual({ title: 'Title of brand_new.', advice: 'Detail.' })
  })

  test('an invite that is not known is not a missing login', () => {
    expect(words(refused('unauthenticated')).title).not.toBe(words(refused('unauthenticated'), true).title)
  })

  test('details are shown where they add something', () => {
    expect(more(refused('expired'))).toBe('Detail.')
    expect(more(refused('wrong_passcode'))).toBe('')
    expect(more(refused('too_many_requests', { retryAfterSeconds: 1 }))).toBe('You can try again in a second.')
    expect(more(refused('too_many_requests', { retryAfterSeconds: 600 }))).toBe('You can try again in 10 minutes.')
  })
})

describe('grid', () => {
  test.each([[1, 1280, 640], [2, 1280, 640], [3, 1280, 640], [9, 1280, 640], [2, 374, 640], [5, 374, 640]])('%i tiles fit into %i×%i', (count, width, height) => {
    const w = fit(count, width, height, 8)
    const columns = Math.floor((width + 8) / (w + 8))
    const rows = Math.ceil(count / columns)
    expect(w).toBeLessThanOrEqual(width)
    expect(rows * (w * 9 / 16) + 8 * (rows - 1)).toBeLessThanOrEqual(height)
    expect(w).toBeGreaterThan(100)
  })

  test('many people stay recognisable; the grid scrolls', () => {
    expect(fit(200, 1280, 640, 8)).toBeGreaterThanOrEqual(150)
    expect(fit(200, 374, 300, 8)).toBeGreaterThanOrEqual(150)
    expect(fit(3, 100, 300, 8)).toBeLessThanOrEqual(100)
  })

  test('initials', () => {
    expect(['Ada Lovelace', 'ada', 'Jean-Luc van den Berg', '', '👩🏽‍🚀 Mae', 'Łukasz'].map(initials)).toEqual(['AL', 'A', 'JB', '', '👩🏽‍🚀M', 'Ł'])
  })
})

test('names are text, whatever they hold', () => {
  expect(el('p', {}, '<img src=x onerror=alert(1)>').children).toHaveLength(0)
})
