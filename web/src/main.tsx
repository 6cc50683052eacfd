import './ahead';
import { render } from 'preact';
import { App, loadPage } from './app';
import '../../app/static/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/shell.css';

const root = document.getElementById('app');
const show = () => root && render(<App />, root);
loadPage().then(show, show); // in one drawing: an empty frame first would cost as much again
