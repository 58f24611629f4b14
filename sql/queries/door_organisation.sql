SELECT phase, state FROM manager.organisation
