import './ahead';
import { render } from 'preact';
import { App, loadPage } from './app';
import '../../app/static/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/shell.css';

const root = document.getElementById('app');
// In one drawing: an empty frame first would cost as much again. What cannot be loaded is tried again within, and told.
loadPage().then(
  (first) => root && render(<App first={first} />, root),
  () => root && render(<App />, root),
);
