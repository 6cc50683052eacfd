/** The system: storages, health, losses, retention, people, tokens and what was done; a tab has its own address. */
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { may, mayConfigure, me } from '../me';
import { panelId, Tabs } from '../parts/tabs';
import { navigate, route } from '../route';
import { AuditTab } from './audit';
import { HealthTab } from './health';
import { LossesTab } from './losses';
import { RetentionTab } from './retention';
import { StorageTab } from './storage';
import './system.css';
import { TokensTab } from './tokens';
import { UsersTab } from './users';
import { say } from './words';

const VIEWS = {
  storage: StorageTab,
  health: HealthTab,
  losses: LossesTab,
  retention: RetentionTab,
  users: UsersTab,
  tokens: TokensTab,
  audit: AuditTab,
} satisfies Record<string, ComponentType>;
type TabName = keyof typeof VIEWS;
const NAMES = Object.keys(VIEWS) as TabName[];

const operatesAll = may('operator') && me.seesAll;
/** What the service would refuse is not offered (app/access/rules.py). */
const ALLOWED: Record<TabName, boolean> = {
  storage: operatesAll,
  health: true,
  losses: true,
  retention: operatesAll,
  users: mayConfigure,
  tokens: true,
  audit: mayConfigure,
};

export default function SystemPage() {
  const tabs = NAMES.filter((name) => ALLOWED[name]).map((name) => ({ name, label: say(name) }));
  const asked = route.value.query.get('tab');
  const chosen = tabs.find(({ name }) => name === asked)?.name ?? tabs[0]?.name ?? 'health';
  const View = VIEWS[chosen];
  useEffect(() => {
    document.getElementById(`tab-${chosen}`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [chosen]);
  return (
    <div class="system">
      <Tabs label={say('tabs')} tabs={tabs} chosen={chosen} onChoose={(tab) => navigate('system', { tab })} />
      <div
        key={chosen}
        id={panelId(chosen)}
        class="system-panel stack"
        role="tabpanel"
        aria-labelledby={`tab-${chosen}`}
        tabIndex={-1}
      >
        <View />
      </div>
    </div>
  );
}
