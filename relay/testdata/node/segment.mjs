// Sends N track calls with the unmodified @segment/analytics-node: HOST N
import { Analytics } from '@segment/analytics-node'
const [host, n] = [process.argv[2], Number(process.argv[3])]
const analytics = new Analytics({ writeKey: 'till-1', host, flushAt: 20 })
analytics.on('error', (e) => { console.error(e); process.exitCode = 1 })
for (let i = 0; i < n; i++) {
  analytics.track({
    userId: `loyal-${i}`, event: 'Order Completed', messageId: `segment-${i}`,
    properties: { order_id: `segment-${i}`, revenue: 39.95, currency: 'USD' },
    context: { traits: { email: `person.${i}@example.com` } },
  })
}
analytics.identify({ userId: 'loyal-0', traits: { plan: 'gold' } })
await analytics.closeAndFlush({ timeout: 20000 })
console.log('done')
