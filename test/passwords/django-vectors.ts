/** A stored hash of a known password. */
export interface Vector {
  readonly from: string
  readonly password: string
  readonly stored: string
}

const PASSWORD = 'Pass Wörd 🔑'

function made(from: string, stored: string): Vector {
  return { from, password: PASSWORD, stored }
}

/** Made by Django at its own settings: 3.2.25 of Debian 12 and 5.2.19 of PyPI. */
export const AT_DJANGOS_SETTINGS: readonly Vector[] = [
  made(
    'Django 3.2',
    'pbkdf2_sha256$260000$AAPiwoweEQ6UHUr9XvUJx2$Ypna8mSRawFcbl+t+oKbgGXmw0e64VP0C5gPcaQlvO4=',
  ),
  made(
    'Django 5.2',
    'pbkdf2_sha256$1000000$fwV5vSMU7sUt2FwwEFzq2p$44rO6FpWmSH7a7vWpZu8Fe23fRDzBJ0H6nbF6IPj244=',
  ),
  made('Django 3.2', 'pbkdf2_sha1$260000$EopPKMpJNQUXYjB074aRbJ$alZ3gr6l7qgaRFbs0dEaQ/nklT0='),
  made(
    'Django 3.2',
    'argon2$argon2id$v=19$m=102400,t=2,p=8$MDFFOGVWcTdsbzg3UlhZTDRXVTZmYQ$RFWWN5/U9WWH4wGGTTGmuA',
  ),
  made(
    'Django 5.2',
    'argon2$argon2id$v=19$m=102400,t=2,p=8$RFI1YlRHM1ZHWjZmNHgzR2t6R0pxMA$r7CaWOryDe2pr7KVR1jgHXJbqkMTpagiCbIfezQZcXA',
  ),
  made('Django 3.2', 'bcrypt_sha256$$2b$12$4j/90b/FB1sl8sZGUfU18eklfh14lJlBQFOXbyy2aCn/BH1SJ2o72'),
  made('Django 5.2', 'bcrypt$$2b$12$rOO4o1jI27ZpmZlfWrPMWOsU80jobDVa9mteYSOuNAsgD4XzA3tiC'),
  made(
    'Django 5.2',
    'scrypt$16384$CRVvozL2qfW6rjmatmXtgs$8$5$np1N4lnphQi6LQFxqRYZhlCazdZNXBzYdXe6foGkbUmgJhE8kwG+3uxVx4zvTgr+GVGe3aRlZ8u9b5JQqN0Bbg==',
  ),
]

/** Made by Django 3.2 with little work, and by argon2-cffi 21.1 as older ones wrote them (Django 3.2 accepts those). */
export const CHEAP: readonly Vector[] = [
  made(
    'Django 3.2',
    'pbkdf2_sha256$1000$3fPR3pxjIKhXmIAXVkQsp2$UJ3di563Bi9wY8q2FnvvfiAGOhmrzObUcq4su1bejro=',
  ),
  made('Django 3.2', 'pbkdf2_sha1$1000$NyF8yVSxEFMIX82AwuBRJt$GR9ljXZ9+6huqO0mVo6acYXt7fI='),
  made(
    'Django 3.2',
    'argon2$argon2id$v=19$m=64,t=1,p=2$aHhmZTVXcUl0U1lQRG1hbkM3QTZ4Mg$DL4vSIKH0IbDxckN7HTlAQ',
  ),
  made('argon2-cffi', 'argon2$argon2i$m=512,t=2,p=2$RXhSUU9qUE04bWFV$11CsUq3ubHh+2KPhEiYSVQ'),
  made('argon2-cffi', 'argon2$argon2i$v=19$m=512,t=2,p=2$NW9zVERUNVZwUWIw$x01QD75e/+b7P9gpqRhU8A'),
  made(
    'argon2-cffi',
    'argon2$argon2i$v=19$m=512,t=2,p=2$YWRXZVhkQ1RSUTA4$c34Vexzz/DFCMMF/ZULoQRfIvrTRvLZuMu6AVBb/W9U',
  ),
  made('Django 3.2', 'bcrypt_sha256$$2b$04$yOzShM9Pl36pum8ta5GRFuAseYir0YWyBgyQK1pRGyabJHgt7a7Ia'),
  made('Django 3.2', 'bcrypt$$2b$04$XqSDnnjuNqUoqhIy5Sktr.p8Ni8SmhrYoIbynNnhRy/qS5KOsfBq.'),
  made(
    'hashlib.scrypt',
    'scrypt$32$yPlYv4etAxYMu0Usaes3n5$8$1$xMyS63f8h/fMS0NUZcl+rBnjb3JHsYCYGC9Gmlogpk9d7WSt+BJ9/ccSuMkzpSJxhKtjStUfmMtd1DEV/66O1w==',
  ),
]

/** Made by Django 3.2; they stand in its database without the mark in front. */
export const LEGACY: readonly Vector[] = [
  made('Django 3.2', 'legacy$md5$xsgyO1YQ8cgh2LjDlIgnGe$34ff1a38686f10629ce157df8a4bcbd7'),
  made('Django 3.2', 'legacy$sha1$ma0pPy2zR6zZ9hNA0FbQdw$b2f34c0261a61fa8e846d6ffe11ecd81e35a020b'),
  made('Django 3.2', 'legacy$927eecd877cfa09ce3cdb4fcbcd05c7b'),
  made('Django 3.2', 'legacy$md5$$927eecd877cfa09ce3cdb4fcbcd05c7b'),
  made('Django 3.2', 'legacy$sha1$$a0a5ab8889fd18cb85b35e79b20a2a26bc82407b'),
  made('Django 3.2', 'legacy$crypt$$abrk.LQtidYrE'),
]

const DIGITS = {
  hex: '0123456789abcdef',
  base64: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
  bcrypt: './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
}

/** The same stored hash with one bit of the hash itself changed, counted in digits from the end. */
export function withOneBitChanged(stored: string, fromEnd = 5): string {
  const digits =
    DIGITS[
      /^(bcrypt|legacy\$crypt)/.test(stored) ? 'bcrypt' : stored.startsWith('legacy$') ? 'hex' : 'base64'
    ]
  const position = stored.length - fromEnd
  const changed = digits[digits.indexOf(stored.charAt(position)) ^ 1]
  return `${stored.slice(0, position)}${changed}${stored.slice(position + 1)}`
}
