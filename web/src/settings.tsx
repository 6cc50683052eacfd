/** The menu of what each person sets for himself: language, theme, time zone. */
import { browserZone, zone, zoneNames } from './instants';
import { Field } from './parts/field';
import { Menu } from './parts/menu';
import { say } from './shellwords';
import { THEMES, type Theme, theme } from './theme';
import { chooseLanguage, LANGUAGES, type Language, language } from './words';

function LanguageField() {
  return (
    <Field label={say('language')}>
      <select
        name="language"
        value={language.value}
        onChange={(event) => chooseLanguage(event.currentTarget.value as Language)}
      >
        {Object.entries(LANGUAGES).map(([name, label]) => (
          <option key={name} value={name} lang={name}>
            {label}
          </option>
        ))}
      </select>
    </Field>
  );
}

function ThemeField() {
  return (
    <Field label={say('theme')}>
      <select
        name="theme"
        value={theme.value}
        onChange={(event) => {
          theme.value = event.currentTarget.value as Theme;
        }}
      >
        {THEMES.map((name) => (
          <option key={name} value={name}>
            {say(name)}
          </option>
        ))}
      </select>
    </Field>
  );
}

function ZoneField() {
  return (
    <Field label={say('zone')}>
      <select
        name="zone"
        value={zone.value}
        onChange={(event) => {
          zone.value = event.currentTarget.value;
        }}
      >
        <option value="">{say('browserZone', { zone: browserZone })}</option>
        {zoneNames().map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </Field>
  );
}

/** Made when it is opened: hundreds of time zones. */
function Choices() {
  return (
    <div class="shell-settings">
      <LanguageField />
      <ThemeField />
      <ZoneField />
    </div>
  );
}

export function Settings() {
  return (
    <Menu icon="sliders" label={say('settings')}>
      <Choices />
    </Menu>
  );
}
