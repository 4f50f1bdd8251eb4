from imgup.cli import main

main()
