import { connect } from "./tickerfeed.js"
