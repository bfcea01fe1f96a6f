import { expect } from 'chai'
import { deviceLabel } from '../../src/sessions/device-label.ts'

const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0'
const APPLE = 'AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4'

describe('device labels', () => {
  const cases: [userAgent: string | null, label: string | null][] = [
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0',
      'Firefox on Windows',
    ],
    [
      `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME} Safari/537.36 Edg/126.0.0.0`,
      'Microsoft Edge on Windows',
    ],
    [`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${APPLE} Safari/605.1.15`, 'Safari on macOS'],
    [
      `Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) ${APPLE} Mobile/15E148 Safari/604.1`,
      'Safari on iOS',
    ],
    [`Mozilla/5.0 (Linux; Android 10; K) ${CHROME} Mobile Safari/537.36`, 'Chrome on Android'],
    [`Mozilla/5.0 (X11; Linux x86_64) ${CHROME} Safari/537.36`, 'Chrome on Linux'],
    ['KeyturnNotes/2.1 (iPhone; iOS 17.2; Scale/3.00)', 'KeyturnNotes on iOS'],
    ['Notes/12 CFNetwork/1494.0.7 Darwin/23.4.0', 'Notes'],
    ['Slack/24.01 Mozilla/5.0 (Windows NT 10.0)', 'Slack on Windows'],
    ['okhttp/4.12.0', 'okhttp'],
    ['curl/8.5.0', 'curl'],
    ['node', 'node'],
    ['Mozilla/5.0', null],
    ['()<>@,;', null],
    ['', null],
    [null, null],
  ]
  for (const [userAgent, label] of cases) {
    it(`${JSON.stringify(userAgent)?.slice(0, 60)} is ${label}`, () => {
      expect(deviceLabel(userAgent)).to.equal(label)
    })
  }

  it('whatever a stranger sends, a label is text that is not long', () => {
    const pieces = [
      'Mozilla/5.0 ',
      '(',
      ')',
      ';',
      'Windows NT ',
      'Version/',
      '9.',
      ' ',
      'Android',
      'a',
      '/',
      'opr/',
    ]
    for (const piece of pieces) {
      for (const start of ['', 'Mozilla/5.0 (', 'Mozilla/5.0 (Linux; Android ']) {
        const label = deviceLabel((start + piece.repeat(512)).slice(0, 512))
        if (label !== null) expect(label.length).to.be.lessThan(520)
      }
    }
  })
})
