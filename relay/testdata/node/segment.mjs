// Sends N track calls with the unmodified @segment/analytics-node: HOST N [BYTES of padding] [MILLISECONDS between calls]
import { Analytics } from '@segment/analytics-node'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
const [host, n, pad, pause] = [process.argv[2], ...process.argv.slice(3).map(Number)]
const analytics = new Analytics({ writeKey: 'till-1', host, flushAt: 20 })
analytics.on('error', (e) => { console.error(e); process.exitCode = 1 })
console.log('begun')
for (let i = 0; i < n; i++) {
  analytics.track({
    userId: `loyal-${i}`, event: 'Order Completed', messageId: `segment-${i}`,
    properties: { order_id: `segment-${i}`, revenue: 39.95, currency: 'USD', pad: pad ? randomBytes(pad / 2).toString('hex') : undefined },
    context: { traits: { email: `person.${i}@example.com` } },
  })
  if (pause) await sleep(pause)
}
analytics.identify({ userId: 'loyal-0', traits: { plan: 'gold' } })
await analytics.closeAndFlush({ timeout: 150000 })
console.log('done')
