"""How a training or a generator begins with what another one has learnt."""
