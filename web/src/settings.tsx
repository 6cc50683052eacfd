/** The menu of what each person sets for himself: language, theme, time zone. */
import { browserZone, zone, zoneNames } from './instants';
import { Field } from './parts/field';
import { Menu } from './parts/menu';
import { say } from './shellwords';
import { THEMES, type Theme, theme } from './theme';
import { chooseLanguage, LANGUAGES, type Language, language } from './words';

interface ChoiceProps {
  name: string;
  label: string;
  value: string;
  options: readonly { value: string; text: string; lang?: string }[];
  onChoose: (value: string) => void;
}

function Choice({ name, label, value, options, onChoose }: ChoiceProps) {
  return (
    <Field label={label}>
      <select name={name} value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        {options.map(({ text, ...about }) => (
          <option key={about.value} {...about}>
            {text}
          </option>
        ))}
      </select>
    </Field>
  );
}

const languages = Object.entries(LANGUAGES).map(([value, text]) => ({ value, text, lang: value }));
const themes = () => THEMES.map((value) => ({ value, text: say(value) }));
const zones = () => [
  { value: '', text: say('browserZone', { zone: browserZone }) },
  ...zoneNames().map((value) => ({ value, text: value })),
];
const chooseTheme = (chosen: string) => {
  theme.value = chosen as Theme;
};
const chooseZone = (chosen: string) => {
  zone.value = chosen;
};

/** Made when it is opened: hundreds of time zones. */
function Choices() {
  const choose = (chosen: string) => chooseLanguage(chosen as Language);
  return (
    <div class="shell-settings">
      <Choice name="language" label={say('language')} value={language.value} options={languages} onChoose={choose} />
      <Choice name="theme" label={say('theme')} value={theme.value} options={themes()} onChoose={chooseTheme} />
      <Choice name="zone" label={say('zone')} value={zone.value} options={zones()} onChoose={chooseZone} />
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
