import { render } from 'preact';
import { App } from './app';
import '../../app/static/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/shell.css';

const root = document.getElementById('app');
if (root) render(<App />, root);
