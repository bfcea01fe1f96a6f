import { expect } from 'chai'
import { parseRedisUrl } from '../../src/redis/redis-url.ts'

const NOTHING = {
  username: undefined,
  password: undefined,
  database: 0,
  primaryName: undefined,
  sentinelUsername: undefined,
  sentinelPassword: undefined,
}

describe('the URL of Redis', () => {
  for (const [text, expected] of [
    ['redis://host', { topology: 'standalone', isTls: false, nodes: [{ host: 'host', port: 6379 }] }],
    ['rediss://host:1/', { topology: 'standalone', isTls: true, nodes: [{ host: 'host', port: 1 }] }],
    [
      'redis://u:p%40%2F%25+:@[::1]:7/3',
      {
        topology: 'standalone',
        isTls: false,
        nodes: [{ host: '::1', port: 7 }],
        username: 'u',
        password: 'p@/%+:',
        database: 3,
      },
    ],
    [
      'redis://:word@10.0.0.1',
      { topology: 'standalone', isTls: false, password: 'word', nodes: [{ host: '10.0.0.1', port: 6379 }] },
    ],
    [
      'redis://:p@w@h',
      { topology: 'standalone', isTls: false, password: 'p@w', nodes: [{ host: 'h', port: 6379 }] },
    ],
    [
      'rediss+sentinel://u:p@a:1,b/main/2?sentinel_username=s&sentinel_password=a+b%26',
      {
        topology: 'sentinel',
        isTls: true,
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 26_379 },
        ],
        username: 'u',
        password: 'p',
        database: 2,
        primaryName: 'main',
        sentinelUsername: 's',
        sentinelPassword: 'a+b&',
      },
    ],
    [
      'redis+cluster://a:1,b:2',
      {
        topology: 'cluster',
        isTls: false,
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
        ],
      },
    ],
  ] as const) {
    it(`${text} is read`, () => {
      expect(parseRedisUrl(text)).to.deep.equal({ ...NOTHING, ...expected })
    })
  }

  for (const [text, says] of [
    ['', 'must be a URL such as'],
    ['http://host', 'must be a URL such as'],
    ['redis+ring://host', 'must be a URL such as'],
    ['redis://:hunter2/@host', 'must be a URL such as'],
    ['redis://:hunter2%zz@host', 'percent-encoded'],
    ['redis://hunter2@host', 'a user without a password'],
    ['redis://a,b', 'several hosts'],
    ['redis://host:99999', 'host:port'],
    ['redis://', 'host:port'],
    ['redis+cluster://a,,b', 'host:port'],
    ['redis://host/name', 'number of a database'],
    ['redis://host/1/2', 'number of a database'],
    ['redis+sentinel://a:1,b:2', 'must name the primary'],
    ['redis+sentinel://a:1,b:2/', 'must name the primary'],
    ['redis+cluster://a:1/1', 'a cluster has none'],
    ['redis://host?password=hunter2', 'query parameter'],
    ['redis+sentinel://a/main?hunter2=1', 'sentinel_username and sentinel_password alone'],
  ] as const) {
    it(`${text || 'nothing'} is refused, with the reason and without the secret`, () => {
      let message = ''
      try {
        parseRedisUrl(text)
      } catch (error) {
        message = (error as Error).message
      }
      expect(message).to.include(says)
      expect(message).not.to.include('hunter2')
    })
  }
})
